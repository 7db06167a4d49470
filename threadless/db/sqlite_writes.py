"""Threads of this process write to SQLite one after the other.

SQLite has one writer at a time. Threads that find it locked try again and again, and so use more CPU time than their
statements: a JSON call at 32 connections took 1.8 times as much under uvicorn and gthread. Under gevent no other call
runs during a statement, and nobody waits here.
"""

from __future__ import annotations

import os
import threading
from typing import Final

_WAIT_SECONDS: Final = 1.0
"""The one before may itself wait, for another process. Whoever has waited so long joins it in waiting for SQLite."""


class WriteTurns:
    """Whoever has taken its turn runs alone among the threads of this process."""

    def __init__(self, wait_seconds: float = _WAIT_SECONDS) -> None:
        self._wait_seconds = wait_seconds
        self.reset()

    def reset(self) -> None:
        """After a fork: the thread that holds the lock may not exist in the child."""
        self._lock: threading.Lock | None = None

    def take(self) -> threading.Lock | None:
        """Wait for a turn. Returns the lock to release at its end; None if the wait was too long."""
        lock = self._lock
        if lock is None:  # made here, because gevent may replace `threading.Lock` after the import of this module
            lock = self._lock = threading.Lock()
        return lock if lock.acquire(timeout=self._wait_seconds) else None


write_turns: Final = WriteTurns()
os.register_at_fork(after_in_child=write_turns.reset)
