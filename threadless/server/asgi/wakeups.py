"""`Wakeups`: lets other threads run functions in an event loop.

Each wake-up of a loop costs a write to a pipe and a round of the loop. Here one wake-up serves all that came in the
meantime: at 500 streams this saves a third of the time of a chunk.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

logger = logging.getLogger("threadless")

Callback = Callable[[], None]


class Wakeups:
    """Runs callbacks in one event loop, in the order of their arrival."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._call_soon = loop.call_soon_threadsafe
        self._due: deque[Callback] = deque()
        self._is_scheduled = False

    def call(self, callback: Callback) -> None:
        """Run this in the loop soon. May be called in any thread. Does nothing once the loop is closed."""
        self._due.append(callback)
        if not self._is_scheduled:
            self._is_scheduled = True
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._call_soon(self._run)

    def _run(self) -> None:
        self._is_scheduled = False  # before the callbacks are taken: any that comes later asks for another run
        for _ in range(len(self._due)):
            try:
                self._due.popleft()()
            except Exception:  # the other callbacks must still run
                logger.exception("A callback of another thread failed.")


_of_loops: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, Wakeups]] = WeakKeyDictionary()


def wakeups() -> Wakeups:
    """The `Wakeups` of the running event loop."""
    loop = asyncio.get_running_loop()
    if (found := _of_loops.get(loop)) is None:
        found = _of_loops[loop] = Wakeups(loop)
    return found
