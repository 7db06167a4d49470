"""Time-outs that hardly ever come, watched by one thread that looks once a second.

Under gevent each timed wait makes and starts a timer of its own: 4 µs, and a stream waits twice for each chunk, for its
upstream and for its reader. From `COARSE_SECONDS` on a second more means nothing.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Final

logger = logging.getLogger("threadless")

COARSE_SECONDS: Final = 10.0
"""A shorter time-out wants to be kept exactly, by other means."""
_TICK_SECONDS: Final = 1.0

Ring = Callable[[], None]

_due: dict[Ring, float] = {}
"""Setting, popping and copying are each one step of the interpreter: no lock."""
_is_ticking = False
_lock = threading.Lock()


def set_alarm(ring: Ring, seconds: float) -> None:
    """Have `ring` called in `seconds`, up to a second late, by another thread. It must be quick."""
    _due[ring] = time.monotonic() + seconds
    if not _is_ticking:
        _start()


def clear_alarm(ring: Ring) -> None:
    """Take it back. It may be ringing just now."""
    _due.pop(ring, None)


def _start() -> None:
    """Start the thread of this process, when first needed: never before a fork."""
    global _is_ticking
    with _lock:
        if not _is_ticking:
            _is_ticking = True
            threading.Thread(target=_tick, name="threadless-alarms", daemon=True).start()


def _tick() -> None:
    while True:
        time.sleep(_TICK_SECONDS)
        now = time.monotonic()
        for ring, due in list(_due.items()):
            if due <= now and _due.pop(ring, None) is not None:
                _call(ring)


def _call(ring: Ring) -> None:
    try:
        ring()
    except Exception:  # one that fails must not end the watch for all others
        logger.exception("An alarm failed.")


def _start_afresh() -> None:
    """In a fork: the thread is its parent's."""
    global _is_ticking, _lock
    _is_ticking, _lock = False, threading.Lock()
    _due.clear()


os.register_at_fork(after_in_child=_start_afresh)
