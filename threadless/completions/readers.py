"""The threads (greenlets under gevent) that run calls for their responses. A few that are idle wait for the next call.

Not for the thread's sake, which costs 50 µs, but for its database connection's: one to an SQLite file takes 0.65 ms
to open, and 8 ms to close if it is the last, for SQLite then writes its whole log back. Any other is given back.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Final

from threadless.usage.connections import release_connections

Work = Callable[[], None]


class Readers:
    """Runs work in threads of its own; at most `most_idle` of them wait for more, for `idle_seconds` at most."""

    def __init__(self, *, most_idle: int = 8, idle_seconds: float = 10.0) -> None:
        self.most_idle = most_idle
        self.idle_seconds = idle_seconds
        self._idle: list[_Reader] = []
        self._lock = threading.Lock()

    def run(self, work: Work) -> None:
        """Run this, which must not raise; raises `RuntimeError` if the process can have no more threads."""
        with self._lock:
            reader = self._idle.pop() if self._idle else None
        if reader is not None:
            reader.take(work)
        else:
            _Reader(self, work).start()

    def retire(self) -> None:
        """Let those that are idle end, and wait for it."""
        with self._lock:
            retired, self._idle = self._idle, []
        for reader in retired:
            reader.take(None)
        for reader in retired:
            reader.join()

    def start_afresh(self) -> None:
        """In a fork: the threads are its parent's."""
        self._lock = threading.Lock()
        self._idle = []

    def admit(self, reader: _Reader) -> bool:
        """True if this reader may wait for work."""
        with self._lock:
            has_room = len(self._idle) < self.most_idle
            if has_room:
                self._idle.append(reader)
            return has_room

    def dismiss(self, reader: _Reader) -> bool:
        """True if this reader may end; else somebody has just taken it, and is about to say for what."""
        with self._lock:
            is_idle = reader in self._idle
            if is_idle:
                self._idle.remove(reader)
            return is_idle


class _Reader(threading.Thread):
    def __init__(self, readers: Readers, work: Work) -> None:
        super().__init__(name="threadless-reader", daemon=True)
        self._readers = readers
        self._work: Work | None = work
        self._told = threading.Event()

    def take(self, work: Work | None) -> None:
        """What to do next; None for nothing more."""
        self._work = work
        self._told.set()

    def run(self) -> None:
        try:
            while (work := self._work) is not None:
                self._work = None
                work()
                del work  # a call and its texts must not outlive their end here
                release_connections(keep_files=True)
                self._told.clear()
                if self._readers.admit(self):
                    self._wait()
        finally:
            release_connections()

    def _wait(self) -> None:
        if not self._told.wait(self._readers.idle_seconds) and not self._readers.dismiss(self):
            self._told.wait()


readers: Final = Readers()
os.register_at_fork(after_in_child=readers.start_afresh)
