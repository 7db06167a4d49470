"""`ENGINE = "threadless.contrib.pooled_sqlite"`: a small counterpart of `OPTIONS["pool"]` of PostgreSQL.

Under gevent and ASGI a connection belongs to one call. Opening an SQLite file takes 0.65 ms, half as long as a call.
Closing the last connection writes the whole log back, which takes 8 ms.

SQLite waits for a lock in C, where gevent cannot switch to another call. Here `OPTIONS["timeout"]` bounds short sleeps
between attempts instead.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.db.backends.sqlite3 import base

T = TypeVar("T")

MAX_IDLE: Final = 32
_SLEEP_SECONDS: Final = 0.01
_PRIMARY_CODE: Final = 0xFF
"""SQLite also says busy in other words, such as while another process recovers the log (SQLITE_BUSY_RECOVERY)."""

_idle: dict[tuple[str, int], deque[Any]] = {}


def _forget() -> None:
    """After a fork: SQLite's connections must not be used in the child, not even to close them."""
    _left_to_the_parent.append(dict(_idle))
    _idle.clear()


_left_to_the_parent: list[Any] = []
os.register_at_fork(after_in_child=_forget)


def _retry(seconds: float, function: Callable[..., T], *arguments: Any) -> T:
    """Call the function until the database is not locked, or for so long."""
    end = time.monotonic() + seconds
    while True:
        try:
            return function(*arguments)
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() >= end:
                raise
            time.sleep(_SLEEP_SECONDS)


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY


class _PatientConnection(sqlite3.Connection):
    """Waits for locks, also if a statement is executed without a cursor of Django."""

    lock_seconds = 5.0
    """The default of sqlite3."""

    @property
    def patience(self) -> float:
        """Seconds to wait now. Within a transaction SQLite has the lock already, or waiting would not help."""
        return 0 if self.in_transaction else self.lock_seconds

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(sql, parameters)
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
        return _retry(self.patience, super().execute, sql, parameters)


class _PatientCursor(base.SQLiteCursorWrapper):
    """Django's cursor, which does not use `execute` of its connection."""

    connection: _PatientConnection

    def execute(self, query: str, params: Any = None) -> Any:
        return _retry(self.connection.patience, super().execute, query, params)

    def executemany(self, query: str, param_list: Any) -> Any:
        return _retry(self.connection.patience, super().executemany, query, list(param_list))


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that returns to the pool when it is closed."""

    pool = True
    """As in the backend for PostgreSQL: tells threadless that a connection may be returned while a call waits."""
    _idle: deque[Any] | None = None
    """The pool of this connection; None for a database in memory."""

    def get_connection_params(self) -> Any:
        """Django's, with our class in place of the time that SQLite would wait for a lock."""
        return {**super().get_connection_params(), "timeout": 0, "factory": _PatientConnection}

    def create_cursor(self, name: str | None = None) -> Any:
        """A cursor that waits for locks."""
        return self.connection.cursor(factory=_PatientCursor)

    @property
    def _lock_seconds(self) -> float:
        seconds: float = self.settings_dict["OPTIONS"].get("timeout", _PatientConnection.lock_seconds)
        return seconds

    def connect(self) -> None:
        """Connect as Django does, or reuse an idle connection, which is already set up."""
        may_reuse = self._idle is not None and self.autocommit and not self.in_atomic_block
        if may_reuse and (connection := self._take_idle()) is not None:
            self.connection = connection
            self.errors_occurred = False
        else:
            _retry(self._lock_seconds, super().connect)

    def get_new_connection(self, conn_params: Any) -> Any:
        """An idle connection to this file, or a new one."""
        if (connection := self._take_idle()) is None:
            connection = _retry(self._lock_seconds, super().get_new_connection, conn_params)
            connection.lock_seconds = self._lock_seconds
            self._idle = self._idle_ones()  # the file may have just been created
        return connection

    def _close(self) -> None:
        connection, idle = self.connection, self._idle
        has_room = idle is not None and idle is self._idle_ones() and len(idle) < MAX_IDLE
        if idle is None or not has_room or connection is None or not self.autocommit or connection.in_transaction:
            super()._close()  # type: ignore[misc]
        else:
            idle.append(connection)

    def _take_idle(self) -> Any:
        self._idle = self._idle_ones()
        try:
            return self._idle.pop() if self._idle else None
        except IndexError:  # another thread took it
            return None

    def _idle_ones(self) -> deque[Any] | None:
        """The pool of the file, by name and inode: a file that was created again is another one."""
        name = str(self.settings_dict["NAME"])
        try:
            inode = os.stat(name).st_ino  # noqa: PTH116  (a path object takes ten times as long)
        except OSError:
            return None
        return _idle.setdefault((name, inode), deque())
