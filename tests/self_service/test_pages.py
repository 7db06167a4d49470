"""The pages of usage, models and examples."""

from __future__ import annotations

import ast
import html
import json
import re
import shlex
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from tests.reports.ledgers import at
from tests.support import factories
from tests.support.fixtures import Configure
from threadless.money import from_nano
from threadless.self_service.money import amount
from threadless.self_service.pages import snippets

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.self_service.urls")]


@pytest.fixture
def person() -> Any:
    """A customer who may send chats."""
    return factories.make_user("ada", permissions=("write_chats",))


@pytest.fixture
def page(client: Client, person: Any) -> Client:
    """Signed in."""
    client.force_login(person)
    return client


def words(page: Client, path: str) -> str:
    """The text of a page, without its tags."""
    response = page.get(f"/account/api/{path}")
    assert response.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def test_usage_is_that_of_the_user(page: Client, person: Any) -> None:
    with time_machine.travel("2026-11-26T12:00:00+00:00"):
        counts = {"prompt_tokens": 1234, "completion_tokens": 20, "cost_nano": 1_500_000}
        at("2026-11-26T08:00:00+00:00", user=person, key_label="CI", model="small", **counts)
        at("2026-11-20T08:00:00+00:00", user=person, key_label="CI", model="small", **counts)
        at("2026-11-26T08:00:00+00:00", key_label="Other", model="large", **counts)
        shown = words(page, "usage/")
    assert "Calls 2 Failed 0 Input tokens 2,468 Cached 0 Output tokens 40 Cost 0.0030" in shown
    assert "small 2 0 2,468 0 40 0.0030" in shown
    assert "CI 2 0 2,468" in shown
    assert "Other" not in shown


@pytest.mark.parametrize(("chosen", "days"), [("7", 7), ("30", 30), ("month", 26), ("nonsense", 7)])
def test_usage_has_a_row_and_a_bar_for_each_day(page: Client, chosen: str, days: int) -> None:
    with time_machine.travel("2026-11-26T12:00:00+00:00"):
        content = page.get(f"/account/api/usage/?range={chosen}").content.decode()
    assert content.count("<rect") == days
    assert content.count('<th scope="row">') == days


def test_models_have_names_ids_and_prices(page: Client, configure: Configure) -> None:
    price = {"prompt": Decimal("0.15"), "completion": "0.60"}
    configure(MODELS={"small": {"model": "a", "name": "Small model", "price": price}, "free": {"model": "b"}})
    shown = words(page, "models/")
    assert "Prices are in USD per million tokens." in shown
    assert "Small model small Copy small model 0.15 – 0.60 –" in shown
    assert "free free Copy free model – – – –" in shown


def test_platform_without_prices_shows_no_columns_for_them(page: Client) -> None:
    assert "Prices" not in words(page, "models/")


def test_examples_have_the_base_url_and_a_model_of_the_reader(page: Client) -> None:
    shown = words(page, "guide/")
    assert "export OPENAI_BASE_URL=http://testserver/api/v1 " in shown
    assert '"model": "small"' in shown
    assert 'model="small"' in shown


@pytest.mark.parametrize(
    ("nano", "shown"),
    [(None, "–"), (0, "0.0000"), (99_999, "< 0.0001"), (100_000, "0.0001"), (1_234_567_891_234, "1,234.5679")],
)
def test_costs_are_written_for_people(nano: int | None, shown: str) -> None:
    assert amount(None if nano is None else from_nano(nano)) == shown


HOSTILE = "x'; touch /tmp/p #\"\\\n${IFS}`id`</pre><script>"


def test_name_of_a_model_cannot_break_out_of_an_example() -> None:
    command = snippets.curl(HOSTILE).replace("\\\n", " ")
    body = json.loads(shlex.split(command)[-1])
    assert body["model"] == HOSTILE
    tree = ast.parse(snippets.python(HOSTILE))
    assert HOSTILE in {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert json.dumps(HOSTILE) in snippets.node(HOSTILE)


def test_hostile_name_is_escaped_on_the_page(page: Client, configure: Configure) -> None:
    configure(MODELS={HOSTILE: {"model": "a"}})
    for path in ("guide/", "models/", "create/"):
        assert "<script>x" not in page.get(f"/account/api/{path}").content.decode()
        assert "</pre><script>" not in page.get(f"/account/api/{path}").content.decode()


def test_each_page_has_its_title_and_marks_its_tab(page: Client) -> None:
    for path, tab in {"": "Keys", "usage/": "Usage", "models/": "Models", "guide/": "Calling the API"}.items():
        content = page.get(f"/account/api/{path}").content.decode()
        assert re.search(rf'aria-current="page">{tab}<', content)
        assert "<h1>" in content
        assert '<html lang="en-us" dir="ltr">' in content


@pytest.mark.parametrize(
    ("static_url", "source"), [("/static/", "'self'"), ("https://cdn.example/s/", "https://cdn.example")]
)
def test_policy_allows_only_the_static_files_of_the_host(
    page: Client, settings: Any, static_url: str, source: str
) -> None:
    settings.STATIC_URL = static_url
    policy = page.get("/account/api/guide/")["Content-Security-Policy"]
    assert f"script-src {source};" in policy
    assert policy.startswith("default-src 'none';")
