"""Retries settlements that failed, so that an outage of the database loses no row and no tokens."""

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
"""Writes an outcome to an entry. Raises if the database is unavailable or refuses it."""

_Waiting: TypeAlias = tuple[Any, Any, Write]

CAPACITY: Final = 100_000
"""Maximum number of outcomes in memory, about 50 MB. Beyond it the oldest are logged as lost."""
_RETRY_SECONDS: Final = 1.0
_LEAVING_RETRY_SECONDS: Final = 0.2
_EXIT_SECONDS: Final = 5.0
"""Maximum time that the exit of the process waits for the last attempts."""

_waiting: deque[_Waiting] = deque()
_changed = threading.Condition()
"""Protects `_waiting` and `_thread`: adding an outcome must see whether a thread will take it."""
_thread: threading.Thread | None = None
_leaving = threading.Event()


def retry_settlement(entry: Any, outcome: Any, write: Write) -> None:
    """Queue one outcome. Starts the retry thread when it is first needed, so never before a fork."""
    global _thread
    with _changed:
        if len(_waiting) >= CAPACITY:
            logger.error(
                "Usage record %s stays unsettled: too many outcomes wait for the database.", _waiting.popleft()[0]
            )
        _waiting.append((entry, outcome, write))
        if _thread is None:
            _thread = threading.Thread(target=_retry, name="threadless-retries", daemon=True)
            _thread.start()


def drain(timeout: float) -> bool:
    """Wait until the queue is empty; False if that takes longer than `timeout` seconds."""
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
    """Wait until the next attempt. At the exit of the process, which waits `_EXIT_SECONDS`, the wait is shorter."""
    if _leaving.is_set():
        time.sleep(_LEAVING_RETRY_SECONDS)
    else:
        _leaving.wait(_RETRY_SECONDS)


def _first_waiting() -> _Waiting | None:
    """The next outcome. None ends the thread; `retry_settlement` checks that under the same lock."""
    global _thread
    with _changed:
        if _waiting:
            return _waiting[0]
        _thread = None
    release_connections()
    return None


def _attempt(entry: Any, outcome: Any, write: Write) -> bool:
    """True if the outcome was written or was refused for good."""
    try:
        write(entry, outcome)
    except Exception as error:  # one invalid outcome must not block the others
        if isinstance(error, DatabaseError | InterfaceError) and not isinstance(error, DataError | IntegrityError):
            return False
        logger.error("Usage record %s stays unsettled: the outcome %r was refused.", entry, outcome, exc_info=error)
    return True


def _put_away(outcome: _Waiting, *, taken: bool) -> None:
    """Remove a settled outcome. A failed one moves to the end, so that it does not block the others."""
    if not _waiting or _waiting[0] is not outcome:  # it was removed in the meantime, because the queue was full
        return
    if taken:
        _waiting.popleft()
        _changed.notify_all()
    else:
        _waiting.rotate(-1)


def _last_attempts() -> None:
    """At the exit of the process, wake the thread and give it time for further attempts."""
    _leaving.set()
    thread = _thread
    if thread is not None:
        thread.join(_EXIT_SECONDS)
    if _waiting:
        logger.error(
            "%d usage records stay unsettled: the process ended before the database was available again.", len(_waiting)
        )


@reset_after_fork
def _reset() -> None:
    """After a fork, forget the queue: the parent settles it, and its thread does not exist here."""
    global _changed, _thread
    _changed = threading.Condition()
    _thread = None
    _waiting.clear()


at_exit(_last_attempts, ExitStage.SETTLEMENTS)
