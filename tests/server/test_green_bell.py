"""`GreenBell`: no ring is lost, and none reaches a greenlet that waits for something else."""

from __future__ import annotations

import threading
from typing import Any

import gevent
import pytest

from tests.support.clock import Clock
from threadless.server.green_bell import GreenBell
from threadless.server.timeouts import COARSE_SECONDS, Timeouts

WAIT = 10


class Waiting:
    """A greenlet that waits until something is said to it."""

    def __init__(self, bell: GreenBell, seconds: float = 2 * COARSE_SECONDS) -> None:
        self.said: list[str] = []
        self._greenlet = gevent.spawn(bell.wait_for, lambda: bool(self.said), seconds)
        gevent.sleep(0)  # lets it begin

    @property
    def has_ended(self) -> bool:
        gevent.sleep(0)
        return self._greenlet.ready()

    def result(self) -> Any:
        return self._greenlet.get(timeout=WAIT)

    def kill(self) -> None:
        self._greenlet.kill()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timeouts(clock: Clock) -> Timeouts:
    return Timeouts(clock)


@pytest.fixture
def bell(timeouts: Timeouts) -> GreenBell:
    return GreenBell(timeouts)


def test_condition_that_is_true_needs_no_ring(bell: GreenBell) -> None:
    assert bell.wait_for(lambda: True, COARSE_SECONDS)


def test_ring_ends_the_wait(bell: GreenBell) -> None:
    waiting = Waiting(bell)
    waiting.said.append("now")
    bell.ring()
    assert waiting.result() is True


def test_native_thread_may_ring(bell: GreenBell) -> None:
    waiting = Waiting(bell)
    waiting.said.append("now")
    threading.Thread(target=bell.ring).start()
    assert waiting.result() is True


def test_ring_without_a_change_does_not_end_the_wait(bell: GreenBell) -> None:
    waiting = Waiting(bell)
    bell.ring()
    assert not waiting.has_ended
    waiting.said.append("now")
    bell.ring()
    assert waiting.result() is True


def test_several_rings_wake_once(bell: GreenBell) -> None:
    checks: list[bool] = []

    def is_second_check() -> bool:
        checks.append(True)
        return len(checks) > 1

    waiting = gevent.spawn(bell.wait_for, is_second_check, 2 * COARSE_SECONDS)
    gevent.sleep(0)
    bell.ring()
    bell.ring()
    waiting.get(timeout=WAIT)
    gevent.sleep(0)
    assert len(checks) == 2


def test_late_ring_does_not_end_the_next_wait(bell: GreenBell) -> None:
    first = Waiting(bell)
    bell.ring()
    first.said.append("now")
    bell.ring()
    assert first.result() is True
    assert not Waiting(bell).has_ended


def test_ring_after_the_greenlet_was_killed_does_nothing(bell: GreenBell) -> None:
    waiting = Waiting(bell)
    waiting.kill()
    bell.ring()
    assert waiting.has_ended


def test_short_wait_ends_in_time() -> None:
    assert not GreenBell().wait_for(lambda: False, 0.01)


def test_coarse_wait_ends_when_its_time_is_over(bell: GreenBell, clock: Clock, timeouts: Timeouts) -> None:
    waiting = Waiting(bell, COARSE_SECONDS)
    clock.now = COARSE_SECONDS
    timeouts.run_due()
    assert waiting.result() is False
