"""The ledger and clients that leave. These tests read the tables of the host, so they run in process only."""

from __future__ import annotations

from typing import Any

import pytest

from threadless.testing.conformance.installation import Installation

_SECONDS = 30.0


@pytest.fixture
def ledger(is_in_process: bool, installation: Installation) -> Any:
    """A function that returns the rows of the calls, once all of them have ended."""
    if not is_in_process:
        pytest.skip("The ledger of another process cannot be read.")
    # Django must be set up before these are imported.
    from threadless.calls.running import wait_for_calls
    from threadless.models import UsageRecord

    known = set(UsageRecord.objects.values_list("pk", flat=True))

    def rows() -> list[Any]:
        assert wait_for_calls(_SECONDS)
        return list(UsageRecord.objects.exclude(pk__in=known).order_by("pk"))

    return rows


def test_plain_call_is_one_row_with_the_tokens_of_the_answer(installation: Installation, ledger: Any) -> None:
    answer = installation.ask()
    [row] = ledger()
    usage = answer.body["usage"]
    assert (row.state, row.http_status, row.is_stream) == ("completed", 200, False)
    assert (row.model, row.request_id) == (installation.model, answer.headers["x-request-id"])
    assert (row.prompt_tokens, row.completion_tokens) == (usage["prompt_tokens"], usage["completion_tokens"])


def test_stream_is_one_row_with_the_tokens_that_the_upstream_reported(installation: Installation, ledger: Any) -> None:
    installation.ask(stream=True)
    [row] = ledger()
    assert (row.state, row.is_stream, row.usage_source) == ("completed", True, "upstream")


def test_refused_calls_have_no_row(installation: Installation, ledger: Any) -> None:
    statuses = [installation.ask(key="").status, installation.ask(messages=[]).status]
    statuses.append(installation.ask(model="no-such-model-4f1d").status)
    assert statuses == [401, 400, 404]
    assert ledger() == []


def test_client_that_leaves_ends_its_call(installation: Installation, ledger: Any) -> None:
    # Imported here, because Django must be set up first.
    from threadless.testing.conformance.talker import ENDLESS

    messages = [{"role": "user", "content": ENDLESS}]
    with installation.open("POST", "chat/completions", installation.body(messages=messages, stream=True)) as response:
        assert response.status == 200
        assert response.readline().startswith(b"data: ")
    [row] = ledger()
    assert (row.state, row.usage_source) == ("cancelled", "estimated")
    assert row.completion_tokens > 0
