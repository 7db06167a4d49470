"""How many bytes of request bodies and buffered answers this process holds, and a limit for their sum."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final, Self

from threadless.conf import conf
from threadless.exceptions import Overloaded
from threadless.server.process import reset_after_fork

_COUNTED_FROM: Final = 64 * 1024
"""Smaller bodies are not counted: their number is limited by other means."""


class _InFlight:
    """A counter with a limit, for all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0
        self._given_back: deque[int] = deque()
        """Filled by destructors. They may run inside `take`, so they must not wait for its lock."""

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

    def give_back(self, size: int) -> None:
        """These bytes are no longer held."""
        self._given_back.append(size)

    def reset(self) -> None:
        """In a fork: what is held is the parent's."""
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
    """Bytes that are about to be read. Leaving the block gives back what `hold` has not taken over."""

    def __init__(self) -> None:
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        in_flight.give_back(self._size)
        self._size = 0

    def add(self, size: int) -> None:
        """Reserve more; raises `Overloaded`."""
        in_flight.take(size)
        self._size += size

    def hold(self, data: bytes) -> bytes:
        """The same bytes, which count for as long as anything refers to them."""
        if len(data) < _COUNTED_FROM:
            return data
        missing = len(data) - self._size
        if missing > 0:
            self.add(missing)
        self._size -= len(data)
        return _HeldBytes(data)


class _HeldBytes(bytes):
    """Gives its size back when the memory is freed. A `msgspec.Raw` into it keeps it alive, as it keeps any bytes."""

    def __del__(self) -> None:
        in_flight.give_back(len(self))
