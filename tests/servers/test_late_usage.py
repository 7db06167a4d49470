"""A client that leaves with a whole answer, before the upstream has told its usage, is metered all the same."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.servers.rig import Rig, rig
from tests.support.bodies import DONE, chunk, usage_chunk
from tests.support.ledger import Row
from tests.support.upstream import Exchange, Script

GAP_SECONDS = 0.3
"""Between the last finish reason and the usage."""
STOP = b'"finish_reason":"stop"'
LONG = "one word after another " * 20


@pytest.fixture(scope="module", params=["gevent", "gthread"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One server of each kind."""
    with rig(request.param, tmp_path_factory.mktemp("host")) as made:
        yield made


@pytest.fixture
def leave(running: Rig) -> Callable[..., Row]:
    """Let a client leave once it has read `mark`; the row of its call."""

    def run(script: Script, mark: bytes = STOP, **fields: Any) -> Row:
        running.upstream.forget()
        running.upstream.script(script)
        name = uuid.uuid4().hex
        with running.connect() as client:
            client.post(name, stream=True, **fields).read_until(mark)
        return running.ledger.settled_row(name)

    return run


def metered(row: Row) -> tuple[str, int, int, str]:
    """What matters of a row here."""
    return row["state"], row["prompt_tokens"], row["completion_tokens"], row["usage_source"]


def say(exchange: Exchange, choices: int = 1) -> None:
    """The beginning of each choice."""
    exchange.start()
    for index in range(choices):
        exchange.event(chunk(choices=[{"index": index, "delta": {"content": LONG}, "finish_reason": None}]))


def finish(exchange: Exchange, index: int = 0, reason: str = "stop") -> None:
    """The end of one choice."""
    exchange.event(chunk(choices=[{"index": index, "delta": {}, "finish_reason": reason}]))


def tell_usage(exchange: Exchange) -> None:
    """After the gap."""
    threading.Event().wait(GAP_SECONDS)
    exchange.event(usage_chunk())
    exchange.chunk(DONE)
    exchange.end()


def test_client_that_leaves_before_the_usage_is_metered_by_it(leave: Callable[..., Row]) -> None:
    def script(exchange: Exchange) -> None:
        say(exchange)
        finish(exchange)
        tell_usage(exchange)

    row = leave(script)
    assert metered(row) == ("completed", 9, 5, "upstream")
    assert row["finish_reason"] == "stop"


def test_upstream_that_tells_no_usage_is_left_after_a_moment(leave: Callable[..., Row], running: Rig) -> None:
    def script(exchange: Exchange) -> None:
        say(exchange)
        finish(exchange)
        exchange.wait_closed(20)

    row = leave(script)
    assert running.upstream.exchanges[0].closed.wait(10)
    assert (row["state"], row["completion_tokens"] > 5, row["usage_source"]) == ("cancelled", True, "estimated")


def test_client_that_leaves_before_the_finish_stops_the_upstream(leave: Callable[..., Row], running: Rig) -> None:
    def script(exchange: Exchange) -> None:
        say(exchange)
        exchange.wait_closed(20)
        if not exchange.closed.is_set():
            tell_usage(exchange)

    row = leave(script, b"word after another")
    assert running.upstream.exchanges[0].closed.wait(10)
    assert (row["state"], row["usage_source"]) == ("cancelled", "estimated")


def test_one_of_two_choices_is_no_whole_answer(leave: Callable[..., Row]) -> None:
    def script(exchange: Exchange) -> None:
        say(exchange, choices=2)
        finish(exchange, 0)
        if not exchange.wait_closed(GAP_SECONDS + 1):
            finish(exchange, 1)
            tell_usage(exchange)

    row = leave(script, n=2)
    assert (row["state"], row["usage_source"]) == ("cancelled", "estimated")


def test_two_choices_that_have_both_finished_are_a_whole_answer(leave: Callable[..., Row]) -> None:
    def script(exchange: Exchange) -> None:
        say(exchange, choices=2)
        finish(exchange, 0, "length")
        finish(exchange, 1)
        tell_usage(exchange)

    assert metered(leave(script, n=2)) == ("completed", 9, 5, "upstream")
