"""What Sentry receives, on the real SDK with a transport that keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk

from tests.support import factories
from tests.support.sentry import sentry
from threadless.contrib.sentry import scrub
from threadless.testing import CompletionClient, use_dummy_backend
from threadless.types import Completion


@pytest.fixture
def sent() -> Iterator[list[Any]]:
    """What Sentry would have received."""
    with sentry(send_default_pii=True) as items:
        yield items


@pytest.mark.filterwarnings("ignore:The send_default_pii option")  # its newer form does not exist in older versions
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_broken", [False, True], ids=["answered", "failed"])
def test_call_reaches_sentry_without_text_and_key(sent: list[Any], is_broken: bool) -> None:
    secret = factories.make_key()[1]
    client = CompletionClient(secret, raise_request_exception=False)
    answer: Any = {"choices": 1} if is_broken else Completion.from_text("A private answer.").body
    with use_dummy_backend(answer):
        client.complete("small", "A private question.")
    sentry_sdk.capture_message(f"A key: {secret}")
    assert sent
    text = json.dumps(sent)
    assert secret not in text
    assert "private" not in text


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/v1/chat/completions", "/api/v1/chat/completions"),
        ("/api/v1/models/small", "/api/v1/models/{name}"),
        ("/api/v1/no/such/path", "an unknown path of threadless"),
    ],
)
def test_transaction_is_named_after_the_path(path: str, name: str) -> None:
    request = {"url": f"https://host.example{path}", "data": {"messages": []}, "query_string": "a=b"}
    event: Any = {"request": request, "transaction": "^x$"}
    scrubbed: Any = scrub(event, {})
    assert scrubbed["transaction"] == name
    assert "data" not in scrubbed["request"]


def test_request_to_another_path_keeps_its_name_and_body_but_not_its_secrets() -> None:
    headers = {"Authorization": "Bearer x", "Accept": "text/html"}
    request = {"url": "https://host.example/elsewhere", "data": "x", "headers": headers}
    event: Any = {"request": request, "transaction": "shop"}
    scrubbed: Any = scrub(event, {})
    assert (scrubbed["transaction"], scrubbed["request"]["data"]) == ("shop", "x")
    assert scrubbed["request"]["headers"] == {"Authorization": "[redacted]", "Accept": "text/html"}
