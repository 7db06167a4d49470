"""Clients that leave: the upstream is stopped at once, in every phase of a call, and the row says what was produced."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers.leaving import HURRIED, PHASES, leave_in, seconds_to_notice
from tests.servers.rig import Rig, rig
from tests.support.bodies import chunk
from tests.support.upstream import Exchange

NOTICED_WITHIN = 10
"""Seconds, for machines that have much else to do; far less than a ping takes to find out."""
PROMISED = ("gevent", "gthread", "uvicorn", "uvicorn-django")
KINDS = (*PROMISED, "sync", "granian", "daphne")


@pytest.fixture(scope="module", params=PROMISED)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One server of each kind for all tests here."""
    with rig(request.param, tmp_path_factory.mktemp("host"), THREADLESS=HURRIED) as made:
        yield made


@pytest.fixture
def call_id(running: Rig) -> str:
    """The request id of a new call; the upstream has forgotten the ones before."""
    running.upstream.forget()
    return f"{running.kind}-{uuid.uuid4().hex}"


@pytest.mark.parametrize("running", KINDS, indirect=True)
@pytest.mark.parametrize("phase", PHASES)
def test_client_that_leaves_stops_the_upstream(running: Rig, call_id: str, phase: str) -> None:
    exchange = leave_in(phase, running, call_id)

    assert exchange.wait_closed(NOTICED_WITHIN)
    assert running.ledger.settled_row(call_id)["state"] == "cancelled"


@pytest.mark.parametrize("running", KINDS, indirect=True)
@pytest.mark.parametrize("phase", PHASES)
def test_upstream_is_closed_within_the_promised_second(running: Rig, call_id: str, phase: str) -> None:
    assert seconds_to_notice(phase, running, call_id) is not None


@pytest.mark.parametrize("running", KINDS, indirect=True)
@pytest.mark.parametrize(
    ("phase", "counted"), [("plain", False), ("before-first-byte", False), ("mid-stream", True), ("silence", True)]
)
def test_client_that_leaves_is_charged_for_what_was_produced(
    running: Rig, call_id: str, phase: str, counted: bool
) -> None:
    leave_in(phase, running, call_id)

    row = running.ledger.settled_row(call_id)
    assert (row["completion_tokens"] >= 4) == counted
    assert (row["prompt_tokens"] > 0, row["usage_source"]) == (True, "estimated")


@pytest.mark.parametrize(("phase", "status"), [("plain", 499), ("before-first-byte", 499), ("silence", 200)])
def test_client_that_leaves_has_the_status_that_it_was_sent(
    running: Rig, call_id: str, phase: str, status: int
) -> None:
    leave_in(phase, running, call_id)

    assert running.ledger.settled_row(call_id)["http_status"] == status


def test_client_that_stops_reading_counts_as_gone(running: Rig, call_id: str) -> None:
    def flood(exchange: Exchange) -> None:
        exchange.start()
        while not exchange.closed.is_set():
            exchange.event(chunk({"content": "x" * 60_000}))

    running.upstream.script(flood)
    with running.connect(receive_buffer=4096) as client:
        client.post(call_id, stream=True)
        assert running.upstream.wait_for(1)[0].wait_closed(15)
        assert running.ledger.settled_row(call_id)["state"] == "cancelled"


def test_key_may_call_again_after_its_client_left(running: Rig, call_id: str) -> None:
    leave_in("silence", running, call_id)
    running.upstream.forget()

    with running.connect() as client:
        assert client.post(f"{call_id}-2").read_head()[0] == 200
    row: dict[str, Any] = running.ledger.settled_row(f"{call_id}-2")
    assert (row["state"], row["prompt_tokens"], row["usage_source"]) == ("completed", 9, "upstream")
