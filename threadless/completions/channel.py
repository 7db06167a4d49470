"""`Channel`: between the reader of a call and its response, bounded, so that a slow client slows the upstream."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Final

CAPACITY: Final = 8
"""Chunks in flight; enough to keep both sides busy, little enough to hold a gone client's answer back."""


class Channel:
    """Bytes from one thread to another. The response takes all that waits at once, so that one write carries it.

    A `SimpleQueue` carries them, for a condition costs twice as much per chunk under gevent (11 µs against 5); the
    condition is for the rare case of a full channel.
    """

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._room = threading.Condition()
        self._wants_room = False
        self._is_hurried = False
        self._has_ended = False
        self.is_closed = False
        self.on_change: Callable[[], None] | None = None
        """Called after each put and at the close: how an event loop learns of it."""

    def put(self, item: bytes, timeout: float) -> bool:
        """Add an item, waiting for room; False if there was none within `timeout` seconds."""
        if self._items.qsize() >= CAPACITY and not self._wait_for_room(timeout):
            return False
        self._items.put(item)
        self._announce()
        return True

    def hurry(self) -> None:
        """The call ends early: nobody waits for room any more; what waits here is still taken."""
        self._is_hurried = True
        self._give_room()

    def close(self) -> None:
        """No more items will come, or none will be taken: wakes both sides."""
        self.is_closed = True
        self._items.put(None)
        self._give_room()
        self._announce()

    def take(self, timeout: float) -> bytes | None:
        """All that waits, joined; b"" after `timeout` seconds without anything; None at the end."""
        if self._has_ended:
            return None
        try:
            return self._take(self._items.get(timeout=timeout))
        except queue.Empty:
            return b""

    def take_nowait(self) -> bytes | None:
        """Like `take` without waiting."""
        if self._has_ended:
            return None
        try:
            return self._take(self._items.get_nowait())
        except queue.Empty:
            return b""

    def _take(self, item: bytes | None) -> bytes | None:
        taken: list[bytes] = []
        while item is not None:
            taken.append(item)
            if not self._items.qsize():
                break
            item = self._items.get_nowait()
        else:
            self._has_ended = True
        if self._wants_room:
            self._give_room()
        if not taken:
            return None
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def _wait_for_room(self, timeout: float) -> bool:
        with self._room:
            # Before the look at the room: whoever makes some after it sees that it is wanted.
            self._wants_room = True
            has_room = self._room.wait_for(self._has_room, timeout)
            self._wants_room = False
            return has_room

    def _give_room(self) -> None:
        with self._room:
            self._room.notify_all()

    def _has_room(self) -> bool:
        return self._items.qsize() < CAPACITY or self.is_closed or self._is_hurried

    def _announce(self) -> None:
        if (on_change := self.on_change) is not None:
            on_change()
