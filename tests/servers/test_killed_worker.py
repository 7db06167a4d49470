"""What the calls of a killed gunicorn worker hold of a budget is free as soon as another worker replaces it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.chaos import budgets
from tests.servers.rig import Rig, rig
from tests.support.bodies import chunk
from tests.support.upstream import Exchange

SECONDS = 30
"""Much less than the deadline of a call, after which a sweep would free the rest."""
CALLS = 3


def hold(exchange: Exchange) -> None:
    """A stream that begins and does not end."""
    exchange.start()
    exchange.event(chunk({"content": "one"}))
    exchange.wait_closed(SECONDS)


def reserved(made: Rig) -> dict[str, int]:
    """What the platform's and the user's budgets of concurrent calls and of tokens hold."""
    rows = made.ledger.read(budgets.COUNTERS)
    return {unit: sum(row["reserved"] for row in rows if row["unit"] == unit) for unit in ("concurrent", "tokens")}


@pytest.mark.parametrize("kind", ["gevent", "gthread"])
def test_everything_that_a_killed_worker_held_is_free_at_once(kind: str, tmp_path: Path) -> None:
    with rig(kind, tmp_path, prepare=budgets.set_budgets) as made:
        made.upstream.script(hold)
        clients = [made.connect() for _ in range(CALLS)]
        for number, client in enumerate(clients):
            client.post(f"held-{number}", stream=True).read_until(b"one")
        held = reserved(made)
        assert held["concurrent"] == CALLS
        assert held["tokens"] > 0
        [worker] = made.server.worker_ids()
        os.kill(worker, signal.SIGKILL)
        end = time.monotonic() + SECONDS
        while any(reserved(made).values()) and time.monotonic() < end:
            time.sleep(0.05)
        assert reserved(made) == {"concurrent": 0, "tokens": 0}
        assert [row["state"] for row in made.ledger.rows()] == ["interrupted"] * CALLS
        assert budgets.faults_of(made.ledger) == []
        for client in clients:
            client.close()
