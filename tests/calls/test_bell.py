"""`Bell`: timeouts that are long enough for the coarse clock. The other waits are tested through `Channel`."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.support.clock import Clock
from threadless.calls.bell import Bell
from threadless.server.timeouts import COARSE_SECONDS, Timeouts

WAIT = 10


class ReportingTimeouts(Timeouts):
    """Reports when somebody waits."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.is_waited_for = threading.Semaphore(0)

    def call_later(self, callback: Callable[[], None], seconds: float) -> None:
        super().call_later(callback, seconds)
        self.is_waited_for.release()


class Waiter(threading.Thread):
    """Waits for a condition that is never true, for the shortest coarse time."""

    def __init__(self, bell: Bell) -> None:
        super().__init__(daemon=True)
        self._bell = bell
        self.result: bool | None = None
        self.start()

    def run(self) -> None:
        self.result = self._bell.wait_for(lambda: False, COARSE_SECONDS)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timeouts(clock: Clock) -> ReportingTimeouts:
    return ReportingTimeouts(clock)


@pytest.fixture
def waiter(timeouts: ReportingTimeouts) -> Waiter:
    """A thread that is waiting."""
    waiter = Waiter(Bell(timeouts))
    assert timeouts.is_waited_for.acquire(timeout=WAIT)
    return waiter


def test_coarse_wait_ends_when_its_time_is_over(clock: Clock, timeouts: ReportingTimeouts, waiter: Waiter) -> None:
    clock.now = COARSE_SECONDS
    timeouts.run_due()
    waiter.join(WAIT)
    assert waiter.result is False


def test_ring_without_a_change_does_not_end_a_coarse_wait(clock: Clock, timeouts: ReportingTimeouts) -> None:
    bell = Bell(timeouts)
    waiter = Waiter(bell)
    assert timeouts.is_waited_for.acquire(timeout=WAIT)
    bell.ring()
    assert timeouts.is_waited_for.acquire(timeout=WAIT)  # it waits again
    clock.now = COARSE_SECONDS
    timeouts.run_due()
    waiter.join(WAIT)
    assert waiter.result is False
