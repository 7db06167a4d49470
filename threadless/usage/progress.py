"""Progress of a command on a terminal."""

from __future__ import annotations

import time
from typing import Any, Final

_PAUSE_SECONDS: Final = 0.2


class Progress:
    """One line that counts. It appears after two seconds, and only if the stream is a terminal."""

    def __init__(self, stream: Any, noun: str, *, quiet_seconds: float = 2.0) -> None:
        self._stream = stream
        self._noun = noun
        self._next = time.monotonic() + quiet_seconds
        self._is_shown = False
        self._is_terminal = bool(getattr(stream, "isatty", lambda: False)())
        self.count = 0

    def advance(self, by: int = 1) -> None:
        """More is done. Cheap enough to be called for each row."""
        self.count += by
        if self._is_terminal and time.monotonic() >= self._next:
            self._next = time.monotonic() + _PAUSE_SECONDS
            self._is_shown = True
            self._stream.write(f"\r{self.count:,} {self._noun} ", ending="")
            self._stream.flush()

    def finish(self) -> None:
        """Remove the line."""
        if self._is_shown:
            self._stream.write("\r\x1b[K", ending="")
            self._stream.flush()
