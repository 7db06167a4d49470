"""Timeout callbacks run once when they are due, unless they are cancelled; one that fails stops no other."""

from __future__ import annotations

import threading

import pytest

from tests.support.clock import Clock
from threadless.server import timeouts as process_timeouts
from threadless.server.timeouts import Timeouts

WAIT = 10


class Calls:
    """A callback that counts its calls."""

    count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timeouts(clock: Clock) -> Timeouts:
    return Timeouts(clock)


@pytest.mark.parametrize(("now", "count"), [(9.9, 0), (10, 1), (1000, 1)])
def test_callback_runs_when_it_is_due(clock: Clock, timeouts: Timeouts, now: float, count: int) -> None:
    callback = Calls()
    timeouts.call_later(callback, 10)
    clock.now = now
    timeouts.run_due()
    assert callback.count == count


def test_callback_runs_once(clock: Clock, timeouts: Timeouts) -> None:
    callback = Calls()
    timeouts.call_later(callback, 0)
    timeouts.run_due()
    timeouts.run_due()
    assert callback.count == 1


def test_cancelled_callback_does_not_run(timeouts: Timeouts) -> None:
    callback = Calls()
    timeouts.call_later(callback, 0)
    timeouts.cancel(callback)
    timeouts.run_due()
    assert callback.count == 0


def test_second_time_replaces_the_first(timeouts: Timeouts) -> None:
    callback = Calls()
    timeouts.call_later(callback, 1000)
    timeouts.call_later(callback, 0)
    timeouts.run_due()
    assert callback.count == 1


def test_callback_that_fails_stops_no_other(timeouts: Timeouts, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError("of a test")

    callback = Calls()
    timeouts.call_later(fail, 0)
    timeouts.call_later(callback, 0)
    timeouts.run_due()
    assert callback.count == 1
    assert "A timeout callback failed." in caplog.text


def test_cancelling_an_unknown_callback_does_nothing(timeouts: Timeouts) -> None:
    timeouts.cancel(Calls())


def test_thread_of_the_process_runs_callbacks_that_are_due() -> None:
    has_run = threading.Event()
    process_timeouts.call_later(has_run.set, 0)
    assert has_run.wait(WAIT)
