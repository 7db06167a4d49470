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

    _idle: deque[Any] | None = None
    """Where this connection came from or will go to; None for a database in memory."""

    def get_new_connection(self, conn_params: Any) -> Any:
        """An idle connection to this file, or a new one."""
        self._idle = self._idle_ones()
        try:
            if self._idle:
                return self._idle.pop()
        except IndexError:  # another thread was faster
            pass
        connection = super().get_new_connection(conn_params)
        self._idle = self._idle_ones()  # the file may be new
        return connection

    def _close(self) -> None:
        connection, idle = self.connection, self._idle
        if (
            idle is None
            or idle is not self._idle_ones()
            or len(idle) >= MOST_IDLE
            or connection is None
            or connection.in_transaction
        ):
            super()._close()  # type: ignore[misc]
        else:
            idle.append(connection)

    def _idle_ones(self) -> deque[Any] | None:
        """Those of the file, by name and inode: one that was made anew is another."""
        name = str(self.settings_dict["NAME"])
        try:
            inode = os.stat(name).st_ino  # noqa: PTH116  (a path object costs ten times as much)
        except OSError:
            return None
        return _idle.setdefault((name, inode), deque())
