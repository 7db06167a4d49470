"""Outcomes that the database did not take, tried again until it does: an outage costs no row and no tokens."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError

from threadless.db.connections import release_connections
from threadless.server.process import ExitStage, at_exit, reset_after_fork

logger = logging.getLogger("threadless.usage")

Write = Callable[[Any, Any], Any]
"""Writes an outcome to an entry; raises if the database does not take it."""

_Waiting: TypeAlias = tuple[Any, Any, Write]

CAPACITY: Final = 100_000
"""Outcomes kept in memory, some 50 MB; beyond it the oldest are logged as lost (a sweep marks their rows)."""
_RETRY_SECONDS: Final = 1.0
_LEAVING_RETRY_SECONDS: Final = 0.2
_EXIT_SECONDS: Final = 5.0
"""How long the end of the process may wait for the last attempts."""

_waiting: deque[_Waiting] = deque()
_changed = threading.Condition()
"""Guards `_waiting` and `_thread`: whoever adds an outcome must see whether a thread is still there to take it."""
_thread: threading.Thread | None = None
_leaving = threading.Event()


def retry_settlement(entry: Any, outcome: Any, write: Write) -> None:
    """Queue one outcome; starts the retry thread of this process when it is first needed, never before a fork."""
    global _thread
    with _changed:
        if len(_waiting) >= CAPACITY:
            logger.error("Usage record %s stays unsettled: too many wait for the database.", _waiting.popleft()[0])
        _waiting.append((entry, outcome, write))
        if _thread is None:
            _thread = threading.Thread(target=_retry, name="threadless-retries", daemon=True)
            _thread.start()


def drain(timeout: float) -> bool:
    """Wait until no outcome is waiting; False if that took longer than `timeout` seconds."""
    with _changed:
        return _changed.wait_for(lambda: not _waiting, timeout)


def _retry() -> None:
    while (first := _first_waiting()) is not None:
        taken = _attempt(*first)
        with _changed:
            _put_away(first, taken=taken)
        if not taken:
            release_connections()
            _pause()


def _pause() -> None:
    """Until the next attempt; shorter once the process is ending, which waits for us `_EXIT_SECONDS` at most."""
    if _leaving.is_set():
        time.sleep(_LEAVING_RETRY_SECONDS)
    else:
        _leaving.wait(_RETRY_SECONDS)


def _first_waiting() -> _Waiting | None:
    """The outcome to try next; None lets the thread end, under the lock that `retry_settlement` looks under."""
    global _thread
    with _changed:
        if _waiting:
            return _waiting[0]
        _thread = None
    release_connections()
    return None


def _attempt(entry: Any, outcome: Any, write: Write) -> bool:
    """True if nothing is left to do: the database took the outcome, or never will."""
    try:
        write(entry, outcome)
    except Exception as error:  # one bad outcome must not hold up the others
        if isinstance(error, DatabaseError | InterfaceError) and not isinstance(error, DataError | IntegrityError):
            return False
        logger.error("Usage record %s stays unsettled: %r is refused.", entry, outcome, exc_info=error)
    return True


def _put_away(outcome: _Waiting, *, taken: bool) -> None:
    """Drop a settled outcome; one that failed goes to the end, so that it cannot hold up the others."""
    if not _waiting or _waiting[0] is not outcome:  # pushed out meanwhile, because the queue was full
        return
    if taken:
        _waiting.popleft()
        _changed.notify_all()
    else:
        _waiting.rotate(-1)


def _last_attempts() -> None:
    """At the end of the process: wake the thread, and let it try for a while longer."""
    _leaving.set()
    thread = _thread
    if thread is not None:
        thread.join(_EXIT_SECONDS)
    if _waiting:
        logger.error("%d usage records stay unsettled: the process ends before the database is back.", len(_waiting))


@reset_after_fork
def _reset() -> None:
    """In a fork: what waits is its parent's to settle, and the parent's thread is not here."""
    global _changed, _thread
    _changed = threading.Condition()
    _thread = None
    _waiting.clear()


at_exit(_last_attempts, ExitStage.SETTLEMENTS)
