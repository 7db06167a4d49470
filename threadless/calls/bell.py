"""`Bell`: wakes one waiting thread. Under gevent, `new_bell` returns a `GreenBell`.

The waiting side publishes its lock before it checks the condition. A thread that makes the condition true after that
check sees the lock and releases it; if it made the condition true earlier, the check sees that. So no wake-up is lost,
although no lock protects the condition.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from threadless.server import green
from threadless.server import timeouts as coarse
from threadless.server.green_bell import GreenBell


class Bell:
    """One thread waits, and any thread may ring. Without a waiting thread, ringing does nothing."""

    __slots__ = ("_lock", "_timeouts")

    def __init__(self, timeouts: Any = coarse) -> None:
        self._lock: threading.Lock | None = None
        self._timeouts = timeouts

    def ring(self) -> None:
        """Wake the waiting thread, which checks its condition again."""
        if (lock := self._lock) is not None and lock.locked():
            try:  # noqa: SIM105  (a context manager would cost a microsecond per chunk)
                lock.release()
            except RuntimeError:  # another thread was faster
                pass

    def wait_for(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until the condition is true; False if it is still false after `timeout` seconds.

        Every change of the condition must ring the bell.
        """
        end = self._timeouts.clock() + timeout
        lock = threading.Lock()
        lock.acquire()
        self._lock = lock
        try:
            while not condition():  # a ring may be late, for a change that was already seen
                left = end - self._timeouts.clock()
                if left <= 0 or not self._wait(lock, left):
                    return condition()
            return True
        finally:
            self._lock = None

    def _wait(self, lock: threading.Lock, seconds: float) -> bool:
        """True after a ring or a coarse timeout; False after a short timeout."""
        if seconds < coarse.COARSE_SECONDS:
            return lock.acquire(timeout=seconds)
        self._timeouts.call_later(self.ring, seconds)
        lock.acquire()
        self._timeouts.cancel(self.ring)
        return True


def new_bell() -> Bell | GreenBell:
    """The bell for this server."""
    return GreenBell() if green.is_patched() else Bell()
