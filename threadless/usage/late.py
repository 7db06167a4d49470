"""Outcomes that the database did not take, tried again until it does: an outage costs no row and no tokens."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from django.db import DatabaseError, InterfaceError

from threadless.usage.connections import release_connections

logger = logging.getLogger("threadless.usage")

Write = Callable[[int, dict[str, Any]], None]

CAPACITY: Final = 100_000
"""Outcomes kept in memory, some 50 MB; beyond it the oldest are logged as lost (a sweep marks their rows)."""
_RETRY_SECONDS: Final = 1.0

_waiting: deque[tuple[int, dict[str, Any], Write]] = deque()
_changed = threading.Condition()
_thread: threading.Thread | None = None


def settle_later(entry: int, values: dict[str, Any], write: Write) -> None:
    """Queue one outcome; starts the retry thread of this process when it is first needed, never before a fork."""
    global _thread
    with _changed:
        if len(_waiting) >= CAPACITY:
            logger.error("Usage record %s stays unsettled: too many wait for the database.", _waiting.popleft()[0])
        _waiting.append((entry, values, write))
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_retry, name="threadless-late-settle", daemon=True)
            _thread.start()


def drain(timeout: float) -> bool:
    """Wait until no outcome is waiting; False if that took longer than `timeout` seconds."""
    with _changed:
        return _changed.wait_for(lambda: not _waiting, timeout)


def _retry() -> None:
    while _waiting:
        entry, values, write = _waiting[0]
        try:
            write(entry, values)
        except (DatabaseError, InterfaceError):
            release_connections()
            time.sleep(_RETRY_SECONDS)
            continue
        with _changed:
            if _waiting and _waiting[0][0] == entry:
                _waiting.popleft()
            _changed.notify_all()
    release_connections()
