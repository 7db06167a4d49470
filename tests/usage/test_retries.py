"""Outcomes that the database did not take are not lost."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from typing import Any

import pytest
from django.db import DataError, OperationalError

from threadless.exceptions import UpstreamError
from threadless.usage import retries
from threadless.usage.recorder import DatabaseUsageRecorder, Entry, Outcome

SECONDS = 20.0


class Database:
    """Stands in for the write: refuses as often as it is told to, then keeps the outcome."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.taken: list[int] = []

    def write(self, entry: int, values: dict[str, Any]) -> int:
        if self.errors:
            raise self.errors.pop(0)
        self.taken.append(entry)
        return 1


def test_outcome_waits_until_database_is_back() -> None:
    database = Database(OperationalError("away"))
    retries.retry_settlement(1, {}, database.write)
    assert retries.drain(SECONDS)
    assert database.taken == [1]


@pytest.mark.parametrize("error", [DataError("too long"), ValueError("not a number")])
def test_outcome_that_database_never_takes_holds_up_no_other(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(error)
    retries.retry_settlement(1, {}, database.write)
    retries.retry_settlement(2, {}, database.write)
    assert retries.drain(SECONDS)
    assert database.taken == [2]
    assert "Usage record 1 stays unsettled" in caplog.text


def test_outcomes_added_while_thread_ends_are_all_taken() -> None:
    database = Database()
    for entry in range(300):
        retries.retry_settlement(entry, {}, database.write)
        if entry % 3 == 0:  # lets the thread run out of work, and so towards its end
            assert retries.drain(SECONDS)
    assert retries.drain(SECONDS)
    assert database.taken == list(range(300))


def test_queue_that_is_full_drops_oldest_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retries, "CAPACITY", 1)
    database, gate = Database(), threading.Event()
    retries.retry_settlement(1, {}, waiting_for(gate, database.write))
    retries.retry_settlement(2, {}, database.write)
    gate.set()
    assert retries.drain(SECONDS)
    assert 2 in database.taken
    assert "Usage record 1 stays unsettled: too many" in caplog.text


def test_drain_that_takes_too_long_says_so() -> None:
    database, gate = Database(), threading.Event()
    retries.retry_settlement(1, {}, waiting_for(gate, database.write))
    assert not retries.drain(0.01)
    gate.set()
    assert retries.drain(SECONDS)


def waiting_for(gate: threading.Event, write: retries.Write) -> retries.Write:
    def wait_and_write(entry: int, values: dict[str, Any]) -> int:
        gate.wait(SECONDS)
        return write(entry, values)

    return wait_and_write


PROCESS = """
import logging, os, threading
import django
from django.db import OperationalError
django.setup()
logging.basicConfig()
from threadless.usage import retries
failures = [{failures}]
tried = threading.Event()
def write(entry, values):
    tried.set()
    if failures:
        raise failures.pop()
    print("settled", entry, flush=True)
retries.retry_settlement(5, {{}}, write)
tried.wait(10)
"""


FORK = """
if os.fork() == 0:
    print("waiting in fork:", len(retries._waiting), flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.parametrize(
    ("failures", "expected"), [(3, "settled 5"), (99, "1 usage records stay unsettled")], ids=["back", "away"]
)
def test_process_that_ends_tries_for_a_while_longer(failures: int, expected: str) -> None:
    code = PROCESS.format(failures=", ".join(["OperationalError('away')"] * failures))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert expected in done.stdout + done.stderr


def test_fork_leaves_outcomes_to_its_parent() -> None:
    code = PROCESS.format(failures="OperationalError('away')") + FORK
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "waiting in fork: 0" in done.stdout
    assert done.stdout.count("settled 5") == 1


@pytest.fixture(autouse=True)
def _log_is_seen() -> None:
    logging.getLogger("threadless.usage").propagate = True


@pytest.mark.parametrize(
    ("outcome", "level"),
    [(Outcome(state="completed"), logging.WARNING), (Outcome(state="failed", failure=UpstreamError()), logging.INFO)],
    ids=["completed", "failed"],
)
def test_late_settlement_warns_unless_the_failure_is_in_the_log(
    outcome: Outcome, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="threadless.usage")
    DatabaseUsageRecorder().settle(Entry("unknown database", 1, "req_1"), outcome)
    assert retries.drain(SECONDS)
    assert [record.levelno for record in caplog.records if "req_1 is settled later" in record.getMessage()] == [level]
