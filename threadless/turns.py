"""Lets other calls run while a large body is handled.

A pass over a body in C code holds the GIL, or under gevent the whole worker. So there is a pause after each pass, and
after each piece of a pass that can be divided.
"""

from __future__ import annotations

import time
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
