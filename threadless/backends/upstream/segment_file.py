"""`SegmentFile`: the content of a response for decoders that read from files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any


class SegmentFile(io.RawIOBase):
    """Reads segments, which arrive one after the other, like a file."""

    def __init__(self, segments: Iterator[bytes]) -> None:
        self._segments = segments
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._rest or next(self._segments, b"")
        taken, self._rest = data[: len(buffer)], data[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)
