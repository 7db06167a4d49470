"""What a call cost stands in its row, by the upstream's count or flagged as an estimate."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.bodies import chunk, completion
from tests.support.client import Client, body_of
from tests.support.ledger import Ledger
from tests.support.upstream import Exchange, ScriptedUpstream
from tests.wire.quirks import HELLO, ROLE, STOP

DETAILS = {
    "prompt_tokens": 30,
    "completion_tokens": 20,
    "total_tokens": 50,
    "prompt_tokens_details": {"cached_tokens": 7},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
ZEROS = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
SHAPES = pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])


def metered(client: Client, upstream: ScriptedUpstream, ledger: Ledger, usage: Any, *, is_stream: bool) -> Any:
    """The row of a call of which the upstream reports this usage."""

    def answer(exchange: Exchange) -> None:
        if is_stream:
            exchange.stream(ROLE, HELLO, STOP, chunk(choices=[], usage=usage))
        else:
            exchange.answer(completion(usage=usage))

    upstream.script(answer)
    return ledger.settled_row(client.post(body_of(stream=is_stream)).headers["x-request-id"])


@SHAPES
def test_row_keeps_cached_and_reasoning_tokens_apart(
    any_client: Client, upstream: ScriptedUpstream, ledger: Ledger, is_stream: bool
) -> None:
    row = metered(any_client, upstream, ledger, DETAILS, is_stream=is_stream)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (30, 20)
    assert (row["cached_tokens"], row["reasoning_tokens"]) == (7, 5)
    assert row["usage_source"] == "upstream"


@SHAPES
@pytest.mark.parametrize("usage", [None, {}, ZEROS], ids=["none", "empty", "zeros"])
def test_usage_that_says_nothing_is_estimated_and_flagged_in_the_row(
    client: Client, upstream: ScriptedUpstream, ledger: Ledger, usage: Any, is_stream: bool
) -> None:
    row = metered(client, upstream, ledger, usage, is_stream=is_stream)
    assert (row["prompt_tokens"] > 0, row["completion_tokens"] > 0) == (True, True)
    assert row["usage_source"] == "estimated"


@SHAPES
def test_usage_without_completion_tokens_takes_those_from_the_estimate(
    client: Client, upstream: ScriptedUpstream, ledger: Ledger, is_stream: bool
) -> None:
    row = metered(client, upstream, ledger, {"prompt_tokens": 30}, is_stream=is_stream)
    assert (row["prompt_tokens"], row["completion_tokens"] > 0, row["usage_source"]) == (30, True, "estimated")


def test_usage_before_a_cut_does_not_hide_the_tokens_after_it(
    client: Client, upstream: ScriptedUpstream, ledger: Ledger
) -> None:
    early = {**ROLE, "usage": {"prompt_tokens": 30, "completion_tokens": 1}}

    def break_off(exchange: Exchange) -> None:
        exchange.start()
        exchange.event(early)
        exchange.event(chunk({"content": "many words " * 50}))
        exchange.cut()

    upstream.script(break_off)
    row = ledger.settled_row(client.stream().headers["x-request-id"])
    assert (row["state"], row["prompt_tokens"], row["usage_source"]) == ("failed", 30, "estimated")
    assert row["completion_tokens"] > 100
