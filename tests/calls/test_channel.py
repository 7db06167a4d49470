"""`Channel`: items come out in order and joined, and a sender waits while too much is in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from threadless.calls.bell import Bell
from threadless.calls.channel import CAPACITY_BYTES, Channel
from threadless.server.green_bell import GreenBell

WAIT = 10.0
FOREVER = 1000.0
"""Longer than any test takes: a side that waits this long must be woken."""
FULL = b"x" * CAPACITY_BYTES


class Side(threading.Thread):
    """A thread that does the work of one side, which may wait."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self.result: Any = None
        self.start()

    def run(self) -> None:
        self.result = self._work()

    def wait_for_result(self) -> Any:
        """What the work returned; fails if it still waits."""
        self.join(WAIT)
        assert not self.is_alive(), "it was not woken"
        return self.result


def is_waiting(bell: Bell | GreenBell) -> bool:
    return isinstance(bell, Bell) and bell._lock is not None


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0)


@pytest.fixture
def channel() -> Channel:
    return Channel()


@pytest.fixture
def taker(channel: Channel) -> Side:
    """Waits for the first item."""
    side = Side(lambda: channel.take(FOREVER))
    wait_until(lambda: is_waiting(channel._news))
    return side


@pytest.fixture
def sender(channel: Channel) -> Side:
    """Waits for room."""
    channel.put(FULL, WAIT)
    side = Side(lambda: channel.put(b"more", FOREVER))
    wait_until(lambda: is_waiting(channel._room))
    return side


def test_items_come_joined_and_in_order(channel: Channel) -> None:
    for item in (b"a", b"b", b"c"):
        assert channel.put(item, WAIT)
    assert channel.take(WAIT) == b"abc"


def test_take_returns_nothing_after_its_timeout(channel: Channel) -> None:
    assert channel.take(0.01) == b""


def test_take_nowait_returns_what_is_there(channel: Channel) -> None:
    assert channel.take_nowait() == b""
    channel.put(b"a", WAIT)
    assert channel.take_nowait() == b"a"


def test_items_before_the_close_are_taken_before_the_end(channel: Channel) -> None:
    channel.put(b"a", WAIT)
    channel.close()
    assert [channel.take(WAIT) for _ in range(3)] == [b"a", None, None]


def test_nothing_is_taken_after_the_end(channel: Channel) -> None:
    channel.close()
    assert channel.take(WAIT) is None
    channel.put(b"late", WAIT)
    assert (channel.take(WAIT), channel.take_nowait()) == (None, None)


def test_item_waits_for_room(channel: Channel) -> None:
    assert channel.put(FULL, 0)
    assert not channel.put(b"more", 0.01)
    assert channel.take(WAIT) == FULL
    assert channel.put(b"more", 0)


def test_item_that_found_no_room_is_not_in_the_channel(channel: Channel) -> None:
    channel.put(FULL, 0)
    channel.put(b"more", 0)
    channel.close()
    assert [channel.take(WAIT), channel.take(WAIT)] == [FULL, None]


def test_items_share_the_room(channel: Channel) -> None:
    count = 0
    while channel.put(b"x" * 1024, 0):
        count += 1
    assert count * 1024 == CAPACITY_BYTES


def test_item_larger_than_the_room_goes_through(channel: Channel) -> None:
    assert channel.put(FULL * 3, 0)
    assert not channel.put(b"more", 0)
    assert channel.take(WAIT) == FULL * 3


def test_put_wakes_a_waiting_taker(channel: Channel, taker: Side) -> None:
    channel.put(b"a", WAIT)
    assert taker.wait_for_result() == b"a"


def test_close_wakes_a_waiting_taker(channel: Channel, taker: Side) -> None:
    channel.close()
    assert taker.wait_for_result() is None


def test_take_wakes_a_waiting_sender(channel: Channel, sender: Side) -> None:
    assert channel.take(WAIT) == FULL
    assert sender.wait_for_result() is True
    assert channel.take(WAIT) == b"more"


def test_close_wakes_a_waiting_sender(channel: Channel, sender: Side) -> None:
    channel.close()
    assert sender.wait_for_result() is True


def test_stop_waiting_wakes_a_waiting_sender(channel: Channel, sender: Side) -> None:
    channel.stop_waiting()
    assert sender.wait_for_result() is True
    assert channel.take(WAIT) == FULL + b"more"


def test_sender_does_not_wait_after_stop_waiting(channel: Channel) -> None:
    channel.stop_waiting()
    assert [channel.put(FULL, 0) for _ in range(3)] == [True, True, True]


class PausingItem(bytes):
    """An item that pauses its sender between adding it and ringing for it."""

    added: threading.Event
    go_on: threading.Event

    def __len__(self) -> int:
        if not self.added.is_set():
            self.added.set()
            assert self.go_on.wait(WAIT)
        return super().__len__()


def test_late_ring_for_an_item_that_was_taken_does_not_end_a_wait(channel: Channel) -> None:
    item = PausingItem(b"a")
    item.added, item.go_on = threading.Event(), threading.Event()
    sender = Side(lambda: channel.put(item, WAIT))
    assert item.added.wait(WAIT)
    assert channel.take(WAIT) == b"a"
    taker = Side(lambda: channel.take(FOREVER))
    wait_until(lambda: is_waiting(channel._news))
    item.go_on.set()
    assert sender.wait_for_result() is True
    taker.join(0.1)
    assert taker.is_alive()
    channel.put(b"b", WAIT)
    assert taker.wait_for_result() == b"b"


def test_on_change_is_called_after_each_item_and_at_the_close(channel: Channel) -> None:
    found: list[bytes | None] = []
    channel.on_change = lambda: found.append(channel.take_nowait())
    channel.put(b"a", WAIT)
    channel.put(b"b", WAIT)
    channel.close()
    assert found == [b"a", b"b", None]


def test_two_sides_that_wait_for_each_other_miss_no_ring() -> None:
    there, back = Channel(), Channel()

    def echo() -> None:
        while (taken := there.take(FOREVER)) is not None:
            back.put(taken, FOREVER)
        back.close()

    side = Side(echo)
    for number in range(2000):
        there.put(b"%d" % number, WAIT)
        assert back.take(WAIT) == b"%d" % number
    there.close()
    assert back.take(WAIT) is None
    side.wait_for_result()


@pytest.mark.parametrize("size", [8, 1000, CAPACITY_BYTES])
def test_items_arrive_in_order_while_both_sides_work(channel: Channel, size: int) -> None:
    items = [b"%08d" % number * (size // 8) for number in range(4_000_000 // (size + 200))]

    def speak() -> bool:
        are_put = all(channel.put(item, WAIT) for item in items)
        channel.close()
        return are_put

    side, taken = Side(speak), []
    while (piece := channel.take(WAIT)) is not None:
        taken.append(piece)
    assert side.wait_for_result() is True
    assert b"" not in taken
    assert b"".join(taken) == b"".join(items)
