"""`Channel`: between the reader of a call and its response, bounded, so that a slow client slows the upstream."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from threadless.server.timeouts import COARSE_SECONDS, call_later, cancel

CAPACITY_BYTES: Final = 16 * 1024
"""In flight, some sixty chunks: what came together leaves in one write, yet a gone client's answer is held back."""


class Channel:
    """Bytes from one thread to another. The response takes all that waits at once, so that one write carries it.

    No condition and no queue: under gevent a queue costs 5 µs a chunk, a condition 11. Items go through a `deque`, and
    only a side that waits is woken, once for all that has come meanwhile.
    """

    def __init__(self) -> None:
        self._items: deque[bytes] = deque()
        self._put_bytes = 0
        """Counted by the reader alone, as `_taken_bytes` is by the response: neither needs a lock."""
        self._taken_bytes = 0
        self._news = _Bell()
        self._room = _Bell()
        self._may_not_wait = False
        self._has_ended = False
        self.is_closed = False
        self.on_change: Callable[[], None] | None = None
        """Called after each put and at the close: how an event loop learns of it."""

    def put(self, item: bytes, timeout: float) -> bool:
        """Add an item, waiting for room; False if there was none within `timeout` seconds."""
        if not self._has_room() and not self._room.wait_for(self._has_room, timeout):
            return False
        self._items.append(item)
        self._put_bytes += len(item)
        self._announce()
        return True

    def stop_waiting(self) -> None:
        """The call ends early: nobody waits for room any more; what waits here is still taken."""
        self._may_not_wait = True
        self._room.ring()

    def close(self) -> None:
        """No more items will come, or none will be taken: wakes both sides."""
        self.is_closed = True
        self._room.ring()
        self._announce()

    def take(self, timeout: float) -> bytes | None:
        """All that waits, joined; b"" after `timeout` seconds without anything; None at the end."""
        if not self._has_news():
            self._news.wait_for(self._has_news, timeout)
        return self.take_nowait()

    def take_nowait(self) -> bytes | None:
        """Like `take` without waiting."""
        if self._has_ended:
            return None
        is_closed = self.is_closed  # before the look at the items: none comes after it
        items = [self._items.popleft() for _ in range(len(self._items))]
        if not items:
            self._has_ended = is_closed
            return None if is_closed else b""
        taken = items[0] if len(items) == 1 else b"".join(items)
        self._taken_bytes += len(taken)
        self._room.ring()
        return taken

    def _has_news(self) -> bool:
        return bool(self._items) or self.is_closed

    def _has_room(self) -> bool:
        return self._put_bytes - self._taken_bytes < CAPACITY_BYTES or self.is_closed or self._may_not_wait

    def _announce(self) -> None:
        self._news.ring()
        if (on_change := self.on_change) is not None:
            on_change()


class _Bell:
    """Wakes one waiting thread; nothing if none waits. Made by the first who waits."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock: threading.Lock | None = None

    def ring(self) -> None:
        if (lock := self._lock) is not None:
            try:  # noqa: SIM105  (a context manager would cost a microsecond, once for each chunk)
                lock.release()
            except RuntimeError:  # rung already
                pass

    def wait_for(self, is_so: Callable[[], bool], timeout: float) -> bool:
        """Wait until something is so, of which the bell tells; False if it is not after `timeout` seconds."""
        end = time.monotonic() + timeout
        lock = threading.Lock()
        lock.acquire()
        # Before the look: whoever makes it so after that sees that somebody waits.
        self._lock = lock
        try:
            while not is_so():  # a ring may come late, for what has been seen without waiting
                left = end - time.monotonic()
                if left <= 0 or not self._wait(lock, left):
                    return is_so()
            return True
        finally:
            self._lock = None

    def _wait(self, lock: threading.Lock, seconds: float) -> bool:
        """True once it is rung, by an alarm too; False after that time, if it is short."""
        if seconds < COARSE_SECONDS:
            return lock.acquire(timeout=seconds)
        call_later(self.ring, seconds)
        lock.acquire()
        cancel(self.ring)
        return True
