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
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any, Final

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


def large_turn(size: int) -> AbstractContextManager[Any]:
    """A block that under gevent only one call at a time enters with so many bytes, if they are many.

    The others wait without copies, and no longer than they would if all took turns after each pass. The block must wait
    for nothing but its own pauses. Threads take no turns: the system does not switch between them so evenly, and while
    they waited here, uvicorn had read all fifty images before it sent the first ones.
    """
    return _turn() if size > PIECE_BYTES else _NO_TURN


_NO_TURN: Final = nullcontext()


@cache
def _turn() -> AbstractContextManager[Any]:
    """Made when it is first needed: gevent may replace locks after this module has been imported."""
    lock = threading.Lock()
    return _NO_TURN if type(lock).__module__ == "_thread" else lock  # Python's own lock is one for threads


os.register_at_fork(after_in_child=_turn.cache_clear)
