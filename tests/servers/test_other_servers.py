"""Servers without a configuration of ours: the same checks as `python -m tests.servers` makes on all servers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import checks
from tests.servers.ending import Stop, ctrl_c, end_of_stream, sigterm, sigterm_to_all
from tests.servers.leaving import leave_in
from tests.servers.rig import Rig, rig

KINDS = ("waitress", "hypercorn", "runserver")
HURRIED = {"GRACE_SECONDS": 1, "PING_SECONDS": 1, "STALL_SECONDS": 2}
TIMES = {"GRACE_SECONDS": 0.3, "GRACEFUL_SECONDS": 2}
"""Of the two seconds, calls get one."""


@pytest.fixture(scope="module", params=KINDS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One server of each kind for all tests that do not stop it."""
    with rig(request.param, tmp_path_factory.mktemp("host"), THREADLESS=HURRIED) as made:
        yield made


def test_chunks_arrive_one_by_one(running: Rig) -> None:
    checks.chunks_arrive_one_by_one(running)


def test_silence_is_bridged_by_pings(running: Rig) -> None:
    checks.pings_bridge_a_silence(running)


def test_early_failure_keeps_its_http_status(running: Rig) -> None:
    checks.early_failure_keeps_its_status(running)


@pytest.mark.parametrize("phase", ["plain", "before-first-byte"])
def test_client_that_leaves_stops_the_upstream_before_a_ping_could_tell(running: Rig, phase: str) -> None:
    running.upstream.forget()
    call_id = uuid.uuid4().hex

    assert leave_in(phase, running, call_id).wait_closed(10)
    assert running.ledger.settled_row(call_id)["state"] == "cancelled"


@pytest.mark.parametrize(
    ("kind", "stop", "options"),
    [
        ("waitress", sigterm, ()),
        ("runserver", sigterm, ()),
        ("hypercorn", sigterm, ("--workers", "0")),
        ("hypercorn", sigterm_to_all, ()),
        ("granian", sigterm, ()),
        ("daphne", sigterm, ()),
        ("gthread", ctrl_c, ()),
    ],
)
def test_stream_at_the_stop_of_a_server_ends_with_an_error(
    kind: str, stop: Stop, options: tuple[str, ...], tmp_path: Path
) -> None:
    with rig(kind, tmp_path, options=options, THREADLESS=TIMES) as made:
        ending = end_of_stream(made, stop)

    assert (ending.has_error, ending.looks_complete, ending.state) == (True, False, "failed")
    assert (b"word" in ending.rest) or stop is ctrl_c


@pytest.mark.parametrize("kind", ["sync", "daphne"])
def test_stream_that_is_cut_by_ctrl_c_does_not_look_complete(kind: str, tmp_path: Path) -> None:
    with rig(kind, tmp_path, THREADLESS=TIMES) as made:
        ending = end_of_stream(made, ctrl_c)

    assert ending.is_over
    assert not ending.looks_complete
    assert ending.state != "open"
