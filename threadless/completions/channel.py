"""`Channel`: between the reader of a call and its response, bounded, so that a slow client slows the upstream."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

CAPACITY: Final = 8
"""Chunks in flight; enough to keep both sides busy, little enough to hold a gone client's answer back."""


class Channel:
    """Bytes from one thread to another. The response takes all that waits at once, so that one write carries it."""

    def __init__(self) -> None:
        self._items: deque[bytes] = deque()
        self._changed = threading.Condition()
        self.is_closed = False
        self._is_hurried = False
        self.on_change: Callable[[], None] | None = None
        """Called after each put and at the close: how an event loop learns of it."""

    def put(self, item: bytes, timeout: float) -> bool:
        """Add an item, waiting for room; False if there was none within `timeout` seconds."""
        with self._changed:
            if len(self._items) >= CAPACITY and not self._changed.wait_for(self._has_room, timeout):
                return False
            self._items.append(item)
            self._changed.notify_all()
        self._announce()
        return True

    def hurry(self) -> None:
        """The call ends early: nobody waits for room any more; what waits here is still taken."""
        with self._changed:
            self._is_hurried = True
            self._changed.notify_all()

    def close(self) -> None:
        """No more items will come, or none will be taken: wakes both sides."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()
        self._announce()

    def take(self, timeout: float) -> bytes | None:
        """All that waits, joined; b"" after `timeout` seconds without anything; None at the end."""
        with self._changed:
            self._changed.wait_for(self._has_news, timeout)
            return self._take()

    def take_nowait(self) -> bytes | None:
        """Like `take` without waiting."""
        with self._changed:
            return self._take()

    def _take(self) -> bytes | None:
        if not self._items:
            return None if self.is_closed else b""
        taken = self._items.popleft() if len(self._items) == 1 else b"".join(self._items)
        self._items.clear()
        self._changed.notify_all()
        return taken

    def _announce(self) -> None:
        if (on_change := self.on_change) is not None:
            on_change()

    def _has_room(self) -> bool:
        return len(self._items) < CAPACITY or self.is_closed or self._is_hurried

    def _has_news(self) -> bool:
        return bool(self._items) or self.is_closed
