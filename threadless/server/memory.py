"""Counts the bytes of request bodies and buffered answers that this process holds, and limits their sum."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final, Self

from threadless.conf import conf
from threadless.exceptions import Overloaded
from threadless.server.heap import KEPT_BYTES, Trimmer
from threadless.server.process import reset_after_fork

COUNTED_FROM: Final = 64 * 1024
"""Smaller bodies are not counted, because other limits bound their number."""


class _InFlight:
    """A counter with a limit, for all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0
        self._given_back: deque[int] = deque()
        """Filled by destructors. They may run inside `take`, so they must not wait for its lock."""
        self._trimmer = Trimmer(lambda: self.bytes)

    @property
    def bytes(self) -> int:
        """Bytes that are held now."""
        with self._lock:
            return self._count()

    def take(self, size: int) -> None:
        """Count these bytes; raises `Overloaded` if that would exceed `MAX_BYTES_IN_FLIGHT`."""
        with self._lock:
            if self._count() + size > conf.max_bytes_in_flight:
                raise Overloaded("The server is handling too much data at the moment. Please try again later.")
            self._taken += size
            is_at_rest = self._taken <= KEPT_BYTES
        if not is_at_rest:
            self._trimmer.trim_later()

    def give_back(self, size: int) -> None:
        """Stop counting these bytes. Takes no lock: a destructor calls it, at any moment of any thread."""
        self._given_back.append(size)

    def reset(self) -> None:
        """Start from zero. After a fork, the counted bytes belong to the parent."""
        self._lock = threading.Lock()
        self._taken = 0
        self._given_back.clear()

    def _count(self) -> int:
        while self._given_back:
            self._taken -= self._given_back.popleft()
        return self._taken


in_flight: Final = _InFlight()
reset_after_fork(in_flight.reset)


class Reservation:
    """Reserves bytes that are about to be read. The end of the block releases what `hold` has not taken over."""

    def __init__(self) -> None:
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.release()

    def release(self) -> None:
        """Give everything back."""
        in_flight.give_back(self._size)
        self._size = 0

    def add(self, size: int) -> None:
        """Reserve more bytes. Raises `Overloaded`."""
        in_flight.take(size)
        self._size += size

    def hold(self, data: bytes) -> bytes:
        """The same bytes, which are counted for as long as anything refers to them."""
        if len(data) < COUNTED_FROM:
            return data
        missing = len(data) - self._size
        if missing > 0:
            self.add(missing)
        self._size -= len(data)
        return _HeldBytes(data)


class _HeldBytes(bytes):
    """Stops counting when its memory is freed. A `msgspec.Raw` that refers to it keeps it alive."""

    def __del__(self) -> None:
        in_flight.give_back(len(self))
