"""`ENGINE = "project.pooled_sqlite"`: what `OPTIONS["pool"]` is for PostgreSQL, in small.

Under gevent and ASGI a connection belongs to one call. To open one to a file takes 0.65 ms, as much as half a call, and
the last one to close writes the whole log back, for 8 ms.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import Any, Final

from django.db.backends.sqlite3 import base

MOST_IDLE: Final = 32

_Place = tuple[str, int]
_idle: dict[_Place, deque[Any]] = {}


def _forget() -> None:
    """In a fork: SQLite's connections must not cross one, not even to be closed."""
    _left_to_the_parent.append(dict(_idle))
    _idle.clear()


_left_to_the_parent: list[Any] = []
os.register_at_fork(after_in_child=_forget)


class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's use of a connection that outlives it."""

    _opened: _Place | None = None
    """Where the connection leads, though another file may stand there by now."""

    def get_new_connection(self, conn_params: Any) -> Any:
        """An idle connection to this file, or a new one."""
        place = self._place()
        while place is not None and (idle := _idle.get(place)):
            try:
                connection = idle.pop()
            except IndexError:  # another thread was faster
                break
            self._opened = place
            return connection
        connection = super().get_new_connection(conn_params)
        self._opened = self._place()
        return connection

    def _close(self) -> None:
        connection, place = self.connection, self._place()
        if connection is None or place is None or place != self._opened or connection.in_transaction:
            super()._close()  # type: ignore[misc]
            return
        idle = _idle.setdefault(place, deque())
        if len(idle) < MOST_IDLE:
            idle.append(connection)
        else:
            super()._close()  # type: ignore[misc]

    def _place(self) -> _Place | None:
        """The file, by name and inode: one that was made anew is another. None for a database in memory."""
        name = str(self.settings_dict["NAME"])
        try:
            return name, Path(name).stat().st_ino
        except OSError:
            return None
