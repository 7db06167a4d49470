"""`Statement`: SQL that Django compiled once and that is executed many times.

Compiling a queryset takes ten times as long as running it on SQLite. On SQLite, Django's cursor also translates the
placeholders of the whole text at each execution. Without bypassing that, a JSON call takes 27 % more instructions.

A backend of a host that waits for SQLite's locks in its cursors must also wait in `execute` of its connections, as the
example platform's does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from threadless.db.sqlite_writes import write_turns

T = TypeVar("T")

_PLACEHOLDER: Final = re.compile(r"(?<!%)%s")


class Statement:
    """One statement for one database, with parameters marked `%s`. Thread-safe."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self._sqlite_sql = _PLACEHOLDER.sub("?", sql).replace("%%", "%")
        self._only_reads = sql.startswith("SELECT")

    def run(self, connection: Any, params: Sequence[Any], read: Callable[[Any], T]) -> T:
        """Execute it on a connection of this thread. Returns what `read` takes from the cursor."""
        connection.close_if_health_check_failed()
        connection.ensure_connection()
        if connection.vendor != "sqlite" or connection.queries_logged or connection.execute_wrappers:
            with connection.cursor() as cursor:  # so that query logs and execute wrappers see it
                cursor.execute(self.sql, params)
                return read(cursor)
        connection.validate_no_broken_transaction()
        # A transaction that has the lock of SQLite must not wait for a thread that waits for this lock.
        turn = None if self._only_reads or connection.in_atomic_block else write_turns.take()
        try:
            return self._run_on_sqlite(connection, params, read)
        finally:
            if turn is not None:
                turn.release()

    def _run_on_sqlite(self, connection: Any, params: Sequence[Any], read: Callable[[Any], T]) -> T:
        with connection.wrap_database_errors:
            cursor = connection.connection.execute(self._sqlite_sql, params)
            try:
                return read(cursor)
            finally:
                cursor.close()  # an INSERT … RETURNING is committed only then


def first_row(cursor: Any) -> Any:
    """The first row of a result; None if there is none."""
    return cursor.fetchone()


def row_count(cursor: Any) -> int:
    """The number of changed rows."""
    return int(cursor.rowcount)
