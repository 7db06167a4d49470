"""Counts refused calls. A client that ignores refusals sends many, so they are written at most every five seconds."""

from __future__ import annotations

import threading
import time
from collections import Counter as Sums
from collections.abc import Callable
from functools import partial
from typing import Final

from django.db.models import F

from threadless.budgets.models import Counter
from threadless.db.connections import release_connections
from threadless.db.tenants import keep_tenants, place
from threadless.server.process import ExitStage, at_exit, reset_after_fork

Write = Callable[[int, int], None]

_SECONDS: Final = 5.0

_lock = threading.Lock()
_counted: Sums[tuple[str, int]] = Sums()
"""By place and counter."""
_writers: dict[str, Write] = {}
"""What writes for a place."""
_written_at = 0.0


def count(using: str, counter: int) -> None:
    """Count one refusal. Written at most every five seconds, and at the exit of the process."""
    where = place(using)
    _counted[where, counter] += 1
    if where not in _writers:
        _writers[where] = keep_tenants(partial(_write_one, using))
    if time.monotonic() - _written_at >= _SECONDS:
        write()


def write() -> None:
    """Write what was counted."""
    global _counted, _written_at
    with _lock:
        taken, _counted = _counted, Sums()
        _written_at = time.monotonic()
    for (where, counter), number in sorted(taken.items()):
        _writers[where](counter, number)


def _write_one(using: str, counter: int, number: int) -> None:
    Counter.objects.using(using).filter(pk=counter).update(refused=F("refused") + number)


def forget() -> None:
    """Drop what was counted but not written."""
    global _written_at
    _counted.clear()
    _written_at = 0.0


def _write_at_exit() -> None:
    if _counted:
        write()
        release_connections()


@reset_after_fork
def _reset() -> None:
    global _lock
    _lock = threading.Lock()
    forget()


at_exit(_write_at_exit, ExitStage.SETTLEMENTS)
