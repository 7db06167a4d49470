"""Alarms ring by themselves, once, unless they are taken back; one that fails stops no other."""

from __future__ import annotations

import threading

from threadless.server.timeouts import call_later, cancel

WAIT = 10


def ring_of_all() -> threading.Event:
    """An event that is set once all alarms that are due before it have had their turn."""
    rung = threading.Event()
    call_later(rung.set, 0.0)
    return rung


def test_alarm_that_is_due_rings() -> None:
    rung = threading.Event()
    call_later(rung.set, 0.0)
    assert rung.wait(WAIT)


def test_alarm_rings_once() -> None:
    rings: list[int] = []
    ring = lambda: rings.append(1)  # noqa: E731  (an alarm is known by its function)
    call_later(ring, 0.0)
    assert ring_of_all().wait(WAIT)
    assert ring_of_all().wait(WAIT)
    assert len(rings) == 1


def test_alarm_that_is_not_due_waits() -> None:
    rung = threading.Event()
    call_later(rung.set, 1000.0)
    assert ring_of_all().wait(WAIT)
    assert not rung.is_set()
    cancel(rung.set)


def test_alarm_taken_back_does_not_ring() -> None:
    rung = threading.Event()
    call_later(rung.set, 0.0)
    cancel(rung.set)
    assert ring_of_all().wait(WAIT)
    assert not rung.is_set()


def test_alarm_set_again_has_the_new_time() -> None:
    rung = threading.Event()
    call_later(rung.set, 1000.0)
    call_later(rung.set, 0.0)
    assert rung.wait(WAIT)


def test_alarm_that_fails_stops_no_other() -> None:
    def fail() -> None:
        raise ValueError("of a test")

    call_later(fail, 0.0)
    assert ring_of_all().wait(WAIT)
    assert ring_of_all().wait(WAIT)


def test_taking_back_what_was_never_set_does_nothing() -> None:
    cancel(ring_of_all)  # type: ignore[arg-type]
