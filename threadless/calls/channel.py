"""`Channel`: carries bytes from the thread that owns a call to its response. A slow client slows the upstream."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from threadless.calls.bell import new_bell

CAPACITY_BYTES: Final = 16 * 1024
"""About sixty chunks, enough that chunks which arrive together are sent in one write."""


class Channel:
    """Carries bytes from one thread to another. The response takes all waiting bytes and sends them in one write.

    Items go through a `deque`. A waiting side is woken once for all items that were added in the meantime.
    """

    def __init__(self) -> None:
        self._items: deque[bytes] = deque()
        self._put_bytes = 0
        """Written only by the sending side, as `_taken_bytes` is by the response, so neither needs a lock."""
        self._taken_bytes = 0
        self._news = new_bell()
        self._room = new_bell()
        self._may_not_wait = False
        self._has_ended = False
        self.is_closed = False
        self.on_change: Callable[[], None] | None = None
        """Called after each `put` and after `close`, to notify an event loop."""

    def put(self, item: bytes, timeout: float) -> bool:
        """Wait for room and add an item; False if there was no room within `timeout` seconds."""
        if not self._has_room() and not self._room.wait_for(self._has_room, timeout):
            return False
        self._items.append(item)
        self._put_bytes += len(item)
        self._announce()
        return True

    def stop_waiting(self) -> None:
        """The call ends early: `put` no longer waits for room. The response still takes what is in the channel."""
        self._may_not_wait = True
        self._room.ring()

    def close(self) -> None:
        """End the channel: no more items will be added, or none will be taken. Wakes both sides."""
        self.is_closed = True
        self._room.ring()
        self._announce()

    def take(self, timeout: float) -> bytes | None:
        """All waiting bytes, joined; b"" after `timeout` seconds without any; None at the end."""
        if not self._has_news():
            self._news.wait_for(self._has_news, timeout)
        return self.take_nowait()

    def take_nowait(self) -> bytes | None:
        """Like `take`, without waiting."""
        if self._has_ended:
            return None
        is_closed = self.is_closed  # read before the items, because none is added after the close
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
