"""A dialect of 40 lines is served beside chat: same keys, same gates, same ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dialects import echo as echo_module
from threadless.exceptions import UpstreamTimeout
from threadless.models import UsageRecord

pytestmark = pytest.mark.django_db(transaction=True)

Post = Callable[..., Any]


def words(*_: Any) -> Iterator[str]:
    yield from ("One", "Two")


def broken_words(*_: Any) -> Iterator[str]:
    yield "One"
    raise UpstreamTimeout


def test_plain_answer_has_the_form_of_the_dialect(echo: Post) -> None:
    assert echo(say="Is it on?").json() == {"said": "Yes."}


def test_stream_has_the_form_of_the_dialect(echo: Post) -> None:
    response = echo(words, say="Count.", stream=True)
    assert response["Content-Type"] == "text/plain"
    assert b"".join(response) == b"One\nTwo\nEND\n"


def test_stream_that_fails_ends_in_the_form_of_the_dialect(echo: Post) -> None:
    assert b"".join(echo(broken_words, say="Count.", stream=True)) == b"One\nFAILED upstream_timeout\n"


def test_refusal_has_the_form_of_the_dialect(echo: Post) -> None:
    response = echo()
    assert (response.status_code, response.json()) == (400, {"failed": "invalid_value"})


def test_row_names_the_operation_and_counts_the_words(echo: Post) -> None:
    echo(say="Is it on?")
    record = UsageRecord.objects.get()
    assert (record.operation, record.state, record.completion_tokens) == ("echo", "completed", 1)


def test_chat_is_still_served(echo: Post, client: Any) -> None:
    response = client.post("/api/v1/chat/completions", {}, content_type="application/json")
    assert response.json()["error"]["code"] == "invalid_api_key"


def test_dialect_without_a_page_answers_a_get_with_405(echo: Post, admin_client: Any) -> None:
    response = admin_client.get("/api/v1/echo", headers={"Accept": "text/html"})
    assert (response.status_code, response.json()) == (405, {"failed": "method_not_allowed"})


def test_dialect_is_short() -> None:
    lines = Path(str(echo_module.__file__)).read_text().splitlines()
    assert sum(1 for line in lines if line and not line.startswith(("from", "import", '"""'))) <= 40
