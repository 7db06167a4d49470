"""What a reader puts comes out in order, joined, and holds it up once too much waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from threadless.calls.channel import CAPACITY_BYTES, Channel
from threadless.server.timeouts import COARSE_SECONDS

WAIT = 10.0
FOREVER = 1000.0
"""Nobody waits as long: what waits for it must be woken."""
FULL = b"x" * CAPACITY_BYTES


class Side(threading.Thread):
    """One side of a channel, which does something that may wait."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self.result: Any = None
        self.start()

    def run(self) -> None:
        self.result = self._work()

    def came_back_with(self) -> Any:
        """What it was given, now that it waits no longer."""
        self.join(WAIT)
        assert not self.is_alive(), "nobody woke it"
        return self.result


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0)


@pytest.fixture
def channel() -> Channel:
    return Channel()


@pytest.fixture
def taker(channel: Channel) -> Side:
    """Waits for the first item."""
    side = Side(lambda: channel.take(FOREVER))
    wait_until(lambda: channel._news._lock is not None)
    return side


@pytest.fixture
def putter(channel: Channel) -> Side:
    """Waits for room."""
    channel.put(FULL, WAIT)
    side = Side(lambda: channel.put(b"more", FOREVER))
    wait_until(lambda: channel._room._lock is not None)
    return side


def test_items_come_joined_and_in_order(channel: Channel) -> None:
    for item in (b"a", b"b", b"c"):
        assert channel.put(item, WAIT)
    assert channel.take(WAIT) == b"abc"


@pytest.mark.parametrize("seconds", [0.01, COARSE_SECONDS], ids=["kept exactly", "kept by an alarm"])
def test_nothing_within_the_time_is_empty(channel: Channel, seconds: float) -> None:
    assert channel.take(seconds) == b""


def test_taking_without_waiting_gives_what_is_there(channel: Channel) -> None:
    assert channel.take_nowait() == b""
    channel.put(b"a", WAIT)
    assert channel.take_nowait() == b"a"


def test_what_waits_at_the_close_is_taken_before_the_end(channel: Channel) -> None:
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


def test_put_wakes_who_waits_for_news(channel: Channel, taker: Side) -> None:
    channel.put(b"a", WAIT)
    assert taker.came_back_with() == b"a"


def test_close_wakes_who_waits_for_news(channel: Channel, taker: Side) -> None:
    channel.close()
    assert taker.came_back_with() is None


def test_take_wakes_who_waits_for_room(channel: Channel, putter: Side) -> None:
    assert channel.take(WAIT) == FULL
    assert putter.came_back_with() is True
    assert channel.take(WAIT) == b"more"


def test_close_wakes_who_waits_for_room(channel: Channel, putter: Side) -> None:
    channel.close()
    assert putter.came_back_with() is True


def test_hurry_wakes_who_waits_for_room(channel: Channel, putter: Side) -> None:
    channel.stop_waiting()
    assert putter.came_back_with() is True
    assert channel.take(WAIT) == FULL + b"more"


def test_nobody_waits_for_room_in_a_hurry(channel: Channel) -> None:
    channel.stop_waiting()
    assert [channel.put(FULL, 0) for _ in range(3)] == [True, True, True]


class HeldUp(bytes):
    """An item whose putter is held up between adding it and telling of it."""

    added: threading.Event
    go_on: threading.Event

    def __len__(self) -> int:
        if not self.added.is_set():
            self.added.set()
            assert self.go_on.wait(WAIT)
        return super().__len__()


def test_news_of_what_was_taken_already_wake_nobody(channel: Channel) -> None:
    item = HeldUp(b"a")
    item.added, item.go_on = threading.Event(), threading.Event()
    putter = Side(lambda: channel.put(item, WAIT))
    assert item.added.wait(WAIT)
    assert channel.take(WAIT) == b"a"
    taker = Side(lambda: channel.take(FOREVER))
    wait_until(lambda: channel._news._lock is not None)
    item.go_on.set()
    assert putter.came_back_with() is True
    taker.join(0.1)
    assert taker.is_alive()
    channel.put(b"b", WAIT)
    assert taker.came_back_with() == b"b"


def test_change_is_told_after_each_item_and_at_the_close(channel: Channel) -> None:
    found: list[bytes | None] = []
    channel.on_change = lambda: found.append(channel.take_nowait())
    channel.put(b"a", WAIT)
    channel.put(b"b", WAIT)
    channel.close()
    assert found == [b"a", b"b", None]


def test_two_sides_that_wait_for_each_other_never_miss_a_call() -> None:
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
    side.came_back_with()


@pytest.mark.parametrize("size", [8, 1000, CAPACITY_BYTES])
def test_all_items_arrive_in_order_while_both_sides_are_at_work(channel: Channel, size: int) -> None:
    items = [b"%08d" % number * (size // 8) for number in range(4_000_000 // (size + 200))]

    def speak() -> bool:
        are_put = all(channel.put(item, WAIT) for item in items)
        channel.close()
        return are_put

    side, taken = Side(speak), []
    while (piece := channel.take(WAIT)) is not None:
        taken.append(piece)
    assert side.came_back_with() is True
    assert b"" not in taken
    assert b"".join(taken) == b"".join(items)
