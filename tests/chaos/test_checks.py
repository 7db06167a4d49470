"""The checks of a chaos run find each kind of breach, and nothing in a good run."""

from __future__ import annotations

import logging
import socket
from typing import Any

import pytest

from tests.chaos import clients, logs, victim
from tests.chaos.victim import DATABASE_OUTAGE, WORKER_KILLED, Attempt, Window

OUTAGE = Window(name=DATABASE_OUTAGE, started=10, ended=13)
KILL = Window(name=WORKER_KILLED, started=20, ended=21)
REFUSED: dict[str, Any] = {"status": 503, "retry_after": "1"}
BROKEN: dict[str, Any] = {"status": None, "fault": "ConnectionResetError"}


def attempt(started: float, seconds: float = 0.5, *, status: int | None = 200, **fields: Any) -> Attempt:
    """A call of the victim."""
    return Attempt(started=started, ended=started + seconds, status=status, **fields)


@pytest.mark.parametrize(
    "attempts",
    [
        [attempt(1), attempt(11), attempt(20)],
        [attempt(11, **REFUSED), attempt(12, 1.9, **REFUSED), attempt(14, **REFUSED)],
        [attempt(20.5, **BROKEN)],
    ],
)
def test_victim_that_is_served_has_no_fault(attempts: list[Attempt]) -> None:
    assert list(victim.faults(attempts, [OUTAGE, KILL])) == []


@pytest.mark.parametrize(
    ("attempts", "text"),
    [
        ([attempt(1, 2.5)], "before: 200, 1 times, within 2.5 s"),
        ([attempt(1, fault="incomplete")], "before: 200 incomplete"),
        ([attempt(1, **REFUSED)], "before: 503"),
        ([attempt(11, status=503)], "database outage: 503 without Retry-After"),
        ([attempt(11, 2.5, **REFUSED)], "database outage: 503"),
        ([attempt(11, status=500), attempt(12, status=500)], "database outage: 500, 2 times"),
        ([attempt(15, **REFUSED)], "after database outage: 503"),
        ([attempt(20.1, **BROKEN), attempt(20.2, **BROKEN)], "worker killed: ConnectionResetError, 1 times"),
        ([attempt(11, **BROKEN)], "database outage: ConnectionResetError"),
    ],
)
def test_victim_that_is_not_served_is_a_fault(attempts: list[Attempt], text: str) -> None:
    found = list(victim.faults(attempts, [OUTAGE, KILL]))
    assert len(found) == 1
    assert found[0].startswith(text)


def record(message: str, **fields: Any) -> dict[str, Any]:
    """As `RecordFormatter` writes it."""
    usual = {"logger": "threadless", "level": logging.WARNING, "status": None, "request_id": None, "traceback": False}
    return {**usual, "message": message, **fields}


def test_log_with_one_record_for_each_failed_call_has_no_fault() -> None:
    good = [
        record("req_1 failed"),
        record("failed", request_id="req_2"),
        record("Unauthorized: /", logger="django.request", status=401),
        record("started", level=logging.INFO),
        record("slow", logger="psycopg.pool"),
        record("The cache 'default' for rate limits failed: ConnectionError. Calls are not counted."),
    ]
    assert list(logs.faults(good)) == []


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            [record("row 1 failed"), record("row 2 failed")],
            "2 log records without a request ID: threadless: row N",
        ),
        ([record("req_1 failed"), record("again", request_id="req_1")], "1 calls with several log records"),
        ([record("Server Error", logger="django.request", status=500)], "1 log records without a request ID: django"),
    ],
)
def test_log_that_breaks_the_rule_is_a_fault(found: list[dict[str, Any]], text: str) -> None:
    faults = list(logs.faults(found))
    assert len(faults) == 1
    assert faults[0].startswith(text)


def test_connection_that_the_server_holds_is_counted_until_it_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server, client = listener.getsockname()[1], socket.create_connection(listener.getsockname())
        with client:
            accepted, _ = listener.accept()
            ports = {client.getsockname()[1]}
            assert clients.held_connections(server, ports) == 1
            accepted.close()
            assert clients.held_connections(server, ports) == 0
