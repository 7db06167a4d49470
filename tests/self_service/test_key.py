"""`GET key`: what a key is, what it may do, and what it has used."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.reports.ledgers import at
from tests.support import factories
from tests.support.fixtures import Configure
from tests.support.limits import BROKEN, local_cache
from threadless.budgets.api import PLATFORM, account, key, set_budget, user
from threadless.keys.adapters import ModelKeyAdapter
from threadless.keys.models import AbstractAPIKey
from threadless.testing import CompletionClient
from threadless.types import Limits

pytestmark = pytest.mark.django_db

NOW = "2026-11-26T12:00:00+00:00"
"""A Thursday."""
NOTHING = {
    "calls": 0,
    "failed_calls": 0,
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "cached_tokens": 0,
    "reasoning_tokens": 0,
    "cost": 0,
    "calls_of_unknown_cost": 0,
}


class AccountAdapter(ModelKeyAdapter):
    """A host's adapter: the note of a key names its account."""

    def get_caller_fields(self, key: AbstractAPIKey) -> dict[str, Any]:
        limits = Limits(requests_per_minute=10, concurrent_calls=3)
        return super().get_caller_fields(key) | {"account": key.note, "account_limits": limits}


@pytest.fixture(autouse=True)
def clock(settings: Any) -> Any:
    """Noon of a Thursday, and its own cache."""
    settings.CACHES = {"default": local_cache()}
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def ask(secret: str) -> Any:
    """The answer to `GET key`."""
    return CompletionClient(secret).get("/api/v1/key")


def test_key_learns_what_it_is_and_may_do() -> None:
    row, secret = factories.make_key(
        name="CI", scopes=["CHATS:WRITE"], allowed_models=["small"], expires_at=datetime(2027, 1, 1, tzinfo=UTC)
    )
    body = ask(secret).json()
    assert {name: body[name] for name in ("object", "id", "label", "hint", "account")} == {
        "object": "key",
        "id": str(row.pk),
        "label": "CI",
        "hint": f"tl_…{secret[-4:]}",
        "account": None,
    }
    assert (body["scopes"], body["allowed_models"]) == (["CHATS:WRITE"], ["small"])
    assert (body["created_at"], body["expires_at"]) == (1795694400, 1798761600)
    assert (body["currency"], body["time_zone"]) == ("USD", "UTC")


def test_answer_has_no_secret() -> None:
    secret = factories.make_key(note="for staff")[1]
    text = ask(secret).content.decode()
    assert secret not in text
    assert "for staff" not in text


def test_answer_has_the_headers_of_our_endpoints() -> None:
    response = ask(factories.make_key()[1])
    assert response["Cache-Control"] == "private, no-store"
    assert {"Authorization", "Cookie"} <= set(response["Vary"].split(", "))
    assert response["x-request-id"].startswith("req_")


@pytest.mark.parametrize("path", ["/api/v1/key", "/api/v1/key/", "/api/v1/usage?start=1795694400"])
def test_request_without_a_key_is_refused(path: str) -> None:
    response = CompletionClient().get(path)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("path", ["/api/v1/key", "/api/v1/key/", "/api/v1/usage?start=1795694400"])
def test_key_without_any_scope_may_ask(path: str) -> None:
    assert CompletionClient(factories.make_key(scopes=[])[1]).get(path).status_code == 200


def test_limits_tell_what_is_left(configure: Configure) -> None:
    configure(KEY_ADAPTER=AccountAdapter, TOKENS_PER_MINUTE=1000)
    secret = factories.make_key(note="acme", requests_per_minute=5)[1]
    ask(secret)
    limits = {(each["type"], each["subject"]): each for each in ask(secret).json()["limits"]}
    assert [
        (name, subject, each["limit"], each["remaining"], each["reset_seconds"])
        for (name, subject), each in limits.items()
    ] == [
        ("requests_per_minute", "key", 5, 3, 70.0),
        ("requests_per_minute", "account", 10, 8, 70.0),
        ("tokens_per_minute", "key", 1000, 1000, 0.0),
        ("concurrent_calls", "account", 3, 3, None),
    ]


def test_limits_are_listed_without_the_cache(settings: Any) -> None:
    secret = factories.make_key(requests_per_minute=5)[1]
    settings.CACHES = BROKEN
    (limit,) = ask(secret).json()["limits"]
    assert (limit["limit"], limit["remaining"], limit["reset_seconds"]) == (5, None, None)


def test_unlimited_key_has_no_limits() -> None:
    assert ask(factories.make_key()[1]).json()["limits"] == []


def test_request_counts_and_is_refused_beyond_the_limit() -> None:
    secret = factories.make_key(requests_per_minute=1)[1]
    assert [ask(secret).status_code for _ in range(2)] == [200, 429]


def test_usage_is_that_of_today_this_week_and_this_month() -> None:
    row, secret = factories.make_key()
    counts = {"prompt_tokens": 100, "completion_tokens": 20, "cached_tokens": 30, "reasoning_tokens": 5}
    for day in ("2026-11-26", "2026-11-23", "2026-11-22", "2026-11-01", "2026-10-31"):
        at(f"{day}T08:00:00+00:00", key_id=str(row.pk), cost_nano=1_500_000, **counts)
    at("2026-11-26T08:00:00+00:00", key_id="another", cost_nano=1, **counts)
    usage = ask(secret).json()["usage"]
    assert usage["today"] == NOTHING | counts | {"calls": 1, "cost": 0.0015}
    assert [usage[period]["calls"] for period in ("today", "week", "month")] == [1, 2, 4]
    assert usage["month"]["cost"] == 0.006


def test_key_that_was_never_used_has_used_nothing() -> None:
    assert ask(factories.make_key()[1]).json()["usage"] == dict.fromkeys(("today", "week", "month"), NOTHING)


def test_days_are_those_of_the_billing_time_zone(configure: Configure) -> None:
    configure(BILLING_TIME_ZONE="Asia/Tokyo")
    row, secret = factories.make_key()
    at("2026-11-25T14:59:59+00:00", key_id=str(row.pk))
    at("2026-11-25T15:00:00+00:00", key_id=str(row.pk))
    body = ask(secret).json()
    assert (body["usage"]["today"]["calls"], body["time_zone"]) == (1, "Asia/Tokyo")


def test_cost_is_null_while_no_cost_is_known() -> None:
    row, secret = factories.make_key()
    at(NOW, key_id=str(row.pk), prompt_tokens=1, completion_tokens=1)
    today = ask(secret).json()["usage"]["today"]
    assert (today["cost"], today["calls_of_unknown_cost"]) == (None, 1)


@pytest.mark.parametrize("day", ["2026-12-01", "2026-12-31", "2027-03-31"])
def test_longest_period_needs_no_rollup(clock: Any, day: str) -> None:
    row, secret = factories.make_key()
    last = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    clock.move_to(last)
    for days in range(60):
        at((last - timedelta(days=days)).isoformat(), key_id=str(row.pk))
    assert ask(secret).json()["usage"]["month"]["calls"] == last.day


def budgets(secret: str) -> list[tuple[Any, ...]]:
    """What the key reads about its budgets."""
    return [
        (
            each["subject"],
            each["unit"],
            each["period"],
            each["limit"],
            each["used"],
            each["remaining"],
            each["resets_at"],
        )
        for each in ask(secret).json()["budgets"]
    ]


def test_budgets_tell_what_is_left_and_when_they_reset() -> None:
    row, secret = factories.make_key()
    set_budget(key(row.pk), "cost", "month", 12_500_000_000)
    set_budget(user(row.user_id), "tokens", "day", 1000)
    set_budget(key(row.pk), "calls", "total", 7)
    assert sorted(budgets(secret), key=str) == [
        ("key", "calls", "total", 7, 0, 7, None),
        ("key", "cost", "month", 12.5, 0, 12.5, 1796083200),
        ("user", "tokens", "day", 1000, 0, 1000, 1795737600),
    ]


def test_budgets_of_the_platform_and_of_others_are_not_shown(configure: Configure) -> None:
    configure(KEY_ADAPTER=AccountAdapter)
    row, secret = factories.make_key(note="acme")
    set_budget(PLATFORM, "calls", "day", 1)
    set_budget(account("acme"), "calls", "day", 2)
    set_budget(key(row.pk + 1), "calls", "day", 3)
    assert budgets(secret) == []


def test_budget_of_the_account_is_shown_to_those_who_may_read_its_usage(configure: Configure) -> None:
    configure(KEY_ADAPTER=AccountAdapter)
    secret = factories.make_key(note="acme", scopes=["USAGE:READ"])[1]
    set_budget(account("acme"), "calls", "day", 2)
    assert [each[:4] for each in budgets(secret)] == [("account", "calls", "day", 2)]


def test_session_reads_its_own_usage() -> None:
    client = CompletionClient()
    person = factories.make_user()
    client.force_login(person)
    at(NOW, user=person, key_id="")
    at(NOW, user=person, key_id="7")
    body = client.get("/api/v1/key").json()
    assert (body["id"], body["hint"], body["expires_at"], body["label"]) == (None, None, None, "session")
    assert body["usage"]["today"]["calls"] == 1


def test_key_route_comes_before_unknown_paths_and_is_named_there() -> None:
    message = CompletionClient(factories.make_key()[1]).get("/api/v1/keys").json()["error"]["message"]
    assert "GET /api/v1/key, GET /api/v1/usage" in message


def test_manual_shows_an_answer_with_the_fields_of_ours(configure: Configure) -> None:
    configure(KEY_ADAPTER=AccountAdapter)
    row, secret = factories.make_key(note="acme", requests_per_minute=60)
    set_budget(key(row.pk), "cost", "month", 12_500_000_000)
    manual = (Path(__file__).parents[2] / "docs" / "self-service.md").read_text()
    shown, body = json.loads(manual.split("```json\n")[1].split("```")[0]), ask(secret).json()
    assert list(shown) == list(body)
    for name in ("limits", "budgets"):
        assert list(shown[name][0]) == list(body[name][0])
    assert list(shown["usage"]["today"]) == list(body["usage"]["today"])
    assert list(shown["usage"]) == list(body["usage"])
