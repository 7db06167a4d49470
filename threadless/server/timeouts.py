"""Coarse timeouts: one thread per process checks once per second which ones are due.

Under gevent each timed wait creates and starts a timer, which takes 4 µs. A stream waits twice per chunk: for its
upstream and for its client. For a timeout of `COARSE_SECONDS` or more, a delay of one second does not matter.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from threadless.server.process import reset_after_fork

logger = logging.getLogger("threadless")

COARSE_SECONDS: Final = 10.0
"""Shorter timeouts must be exact, so they use their own timer."""
_TICK_SECONDS: Final = 1.0

Callback = Callable[[], None]


class Timeouts:
    """Callbacks and the times at which they are due. `run_due` must be called regularly."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._due: dict[Callback, float] = {}
        """Setting, popping and copying are each atomic in CPython, so no lock is needed."""

    def call_later(self, callback: Callback, seconds: float) -> None:
        """Call `callback` in `seconds` or a little later. A second call for the same callback replaces the first."""
        self._due[callback] = self.clock() + seconds

    def cancel(self, callback: Callback) -> None:
        """Forget the callback, which may be running at this moment."""
        self._due.pop(callback, None)

    def run_due(self) -> None:
        """Call every callback whose time has come."""
        now = self.clock()
        for callback, due in list(self._due.items()):
            if due <= now and self._due.pop(callback, None) is not None:
                _run(callback)

    def clear(self) -> None:
        """Forget all callbacks."""
        self._due.clear()


def _run(callback: Callback) -> None:
    try:
        callback()
    except Exception:  # one failure must not stop the others
        logger.exception("A timeout callback failed.")


_timeouts: Final = Timeouts()
_is_ticking = False
_lock = threading.Lock()

cancel: Final = _timeouts.cancel
clock: Final = _timeouts.clock


def call_later(callback: Callback, seconds: float) -> None:
    """Call `callback` in `seconds`, up to a second late, in another thread. It must be quick."""
    _timeouts.call_later(callback, seconds)
    if not _is_ticking:
        _start()


def _start() -> None:
    """Start the thread of this process when it is first needed, so never before a fork."""
    global _is_ticking
    with _lock:
        if not _is_ticking:
            _is_ticking = True
            threading.Thread(target=_tick, name="threadless-timeouts", daemon=True).start()


def _tick() -> None:
    while True:
        time.sleep(_TICK_SECONDS)
        _timeouts.run_due()


@reset_after_fork
def _reset() -> None:
    global _is_ticking, _lock
    _is_ticking, _lock = False, threading.Lock()
    _timeouts.clear()
