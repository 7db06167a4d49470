"""The forms of the header, and what is refused."""

from __future__ import annotations

import pytest

from tests.idempotency.conftest import CONFLICT, Send, refusal
from tests.support.upstream import ScriptedUpstream
from threadless.testing import CompletionClient

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "key",
    [
        "6fa1e2c4-9b0d-4c58-8f5e-0d2f6b7a9c31",
        "stainless-python-retry-1",
        "a",
        "x" * 255,
        "Zm9v/+=",
        "!#$%&'()*:;<>?@[]^_`{|}~",
    ],
)
def test_printable_key_is_accepted(send: Send, upstream: ScriptedUpstream, key: str) -> None:
    assert send(key).status_code == 200
    assert refusal(send(key)) == CONFLICT


def test_key_in_quotes_is_the_same_key(send: Send, upstream: ScriptedUpstream) -> None:
    """The IETF draft makes the header a string of structured fields."""
    assert send('"a"').status_code == 200
    assert refusal(send("a")) == CONFLICT


def test_keys_differ_in_case(send: Send, upstream: ScriptedUpstream) -> None:
    assert [send(key).status_code for key in ("a", "A")] == [200, 200]


@pytest.mark.parametrize("key", ["", " ", '"', '""', '"a', 'a"', "a b", "a,b", "a\\b", "x" * 256, "ü", "a\x7f"])
def test_other_key_is_refused(send: Send, upstream: ScriptedUpstream, key: str) -> None:
    response = send(key)
    error = response.json()["error"]
    assert (response.status_code, error["param"], error["code"]) == (400, "Idempotency-Key", "invalid_value")
    assert "1 to 255 printable ASCII characters" in error["message"]
    assert not upstream.exchanges


def test_other_endpoints_ignore_the_header(secret: str) -> None:
    assert CompletionClient(secret, headers={"Idempotency-Key": "a b"}).models() == ["small", "large"]
