"""Lets other calls run while a large body is handled.

A pass over a body in C code holds the GIL, or under gevent the whole worker. So there is a pause after each pass, and
after each piece of a pass that can be divided.

In such a pause, other calls with large bodies would make their own copies of texts. With fifty images at once, a worker
of gevent held all of them twice. So a call that needs copies takes its turn.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

PIECE_BYTES: Final = 1 << 20
"""A pass that can be divided handles so many bytes between two pauses. Smaller bodies need no pause."""
_PAUSE_SECONDS: Final = 1e-6


def let_others_run(size: int) -> None:
    """Let other calls run after a pass over so many bytes, if they are many.

    The first pause makes gevent look at its sockets and timers. It does not after `sleep(0)`, up to 50 times. The
    second lets those run whose sockets are ready.
    """
    if size > PIECE_BYTES:
        time.sleep(_PAUSE_SECONDS)
        time.sleep(0)


class Turns:
    """A thread or greenlet that has taken its turn runs alone among those of this process."""

    def __init__(self, wait_seconds: float) -> None:
        self._wait_seconds = wait_seconds
        self.reset()

    def reset(self) -> None:
        """Free the turn after a fork: the thread that holds the lock may not exist in the child."""
        self._lock: threading.Lock | None = None

    def take(self) -> threading.Lock | None:
        """Wait for a turn. Returns the lock to release at its end; None if the wait was too long."""
        lock = self._lock
        if lock is None:  # made here, because gevent may replace `threading.Lock` after the import of this module
            lock = self._lock = threading.Lock()
        return lock if lock.acquire(timeout=self._wait_seconds) else None


_LARGE_SECONDS: Final = 5.0
"""How long a call waits at most for those before it: a token counter of the host may be slow."""
_large: Final = Turns(_LARGE_SECONDS)
os.register_at_fork(after_in_child=_large.reset)


def large_turn(size: int) -> AbstractContextManager[None]:
    """A block that under gevent only one call at a time enters with so many bytes, if they are many.

    The others wait without copies, and no longer than they would if all took turns after each pass. Threads take no
    turns: the system does not switch between them so evenly, and while they waited here, uvicorn had read all fifty
    images before it sent the first ones.
    """
    has_threads = threading.Lock.__module__ == "_thread"  # otherwise gevent has put its own class there
    return _NO_TURN if size <= PIECE_BYTES or has_threads else _large_turn()


_NO_TURN: Final = nullcontext()


@contextmanager
def _large_turn() -> Iterator[None]:
    turn = _large.take()
    try:
        yield
    finally:
        if turn is not None:
            turn.release()
