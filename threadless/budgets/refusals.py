"""Counts refused calls. A client that ignores refusals sends many, so they are written at most every five seconds."""

from __future__ import annotations

import threading
import time
from collections import Counter as Sums
from typing import Final

from django.db.models import F

from threadless.budgets.models import Counter
from threadless.db.connections import release_connections
from threadless.server.process import ExitStage, at_exit, reset_after_fork

_SECONDS: Final = 5.0

_lock = threading.Lock()
_counted: Sums[tuple[str, int]] = Sums()
_written_at = 0.0


def count(using: str, counter: int) -> None:
    """Count one refusal. Written at most every five seconds, and at the exit of the process."""
    _counted[using, counter] += 1
    if time.monotonic() - _written_at >= _SECONDS:
        write()


def write() -> None:
    """Write what was counted."""
    global _counted, _written_at
    with _lock:
        taken, _counted = _counted, Sums()
        _written_at = time.monotonic()
    for (using, counter), number in sorted(taken.items()):
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
