"""`ENGINE = "project.pooled_sqlite"`: what `OPTIONS["pool"]` is for PostgreSQL, in small.

Under gevent and ASGI a connection belongs to one call. To open one to a file takes 0.65 ms, as much as half a call, and
the last one to close writes the whole log back, for 8 ms.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Any, Final

from django.db.backends.sqlite3 import base

MOST_IDLE: Final = 32

_idle: dict[tuple[str, int], deque[Any]] = {}


def _forget() -> None:
    """In a fork: SQLite's connections must not cross one, not even to be closed."""
    _left_to_the_parent.append(dict(_idle))
    _idle.clear()


_left_to_the_parent: list[Any] = []
os.register_at_fork(after_in_child=_forget)


class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's use of a connection that outlives it."""

    pool = True
    """As the backend for PostgreSQL has one: whoever can wait may give a connection back meanwhile."""
    _idle: deque[Any] | None = None
    """Where this connection came from or will go to; None for a database in memory."""

    def connect(self) -> None:
        """The first time all that Django does; later only the connection is another, set up in the same way."""
        may_reuse = self._idle is not None and self.autocommit and not self.in_atomic_block
        if may_reuse and (connection := self._take_idle()) is not None:
            self.connection = connection
            self.errors_occurred = False
        else:
            super().connect()

    def get_new_connection(self, conn_params: Any) -> Any:
        """An idle connection to this file, or a new one."""
        if (connection := self._take_idle()) is None:
            connection = super().get_new_connection(conn_params)
            self._idle = self._idle_ones()  # the file may be new
        return connection

    def _close(self) -> None:
        connection, idle = self.connection, self._idle
        has_room = idle is not None and idle is self._idle_ones() and len(idle) < MOST_IDLE
        if idle is None or not has_room or connection is None or not self.autocommit or connection.in_transaction:
            super()._close()  # type: ignore[misc]
        else:
            idle.append(connection)

    def _take_idle(self) -> Any:
        self._idle = self._idle_ones()
        try:
            return self._idle.pop() if self._idle else None
        except IndexError:  # another thread was faster
            return None

    def _idle_ones(self) -> deque[Any] | None:
        """Those of the file, by name and inode: one that was made anew is another."""
        name = str(self.settings_dict["NAME"])
        try:
            inode = os.stat(name).st_ino  # noqa: PTH116  (a path object costs ten times as much)
        except OSError:
            return None
        return _idle.setdefault((name, inode), deque())
