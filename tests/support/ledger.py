"""`Ledger`: the usage rows of a host that runs in other processes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg
from psycopg.rows import dict_row

SECONDS = 15
_QUERY = "SELECT * FROM threadless_usagerecord{} ORDER BY id"

Row = dict[str, Any]


class Ledger:
    """The rows behind a `DATABASE_URL`, of SQLite or PostgreSQL."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    def rows(self) -> list[Row]:
        """All rows, oldest first."""
        return self.read(_QUERY.format(""))

    def read(self, query: str, *values: str) -> list[Row]:
        """The rows of a query with the placeholders of SQLite."""
        if self._url.startswith("sqlite:"):
            with closing(sqlite3.connect(self._url.removeprefix("sqlite:///"), timeout=20)) as database:
                database.row_factory = sqlite3.Row
                return [dict(row) for row in database.execute(query, values)]
        with psycopg.connect(self._url, row_factory=dict_row) as connection:
            return connection.execute(query.replace("?", "%s"), values).fetchall()

    def rows_of(self, request_id: str) -> list[Row]:
        """The rows with this id, which the server or the client chose; settled or not."""
        return self.read(_QUERY.format(" WHERE ? IN (request_id, client_request_id)"), request_id)

    def settled_row(self, request_id: str) -> Row:
        """The only row with this id; waits until it is settled."""
        return self._settled(lambda: self.rows_of(request_id), 1)[0]

    def settled_rows(self, is_wanted: Callable[[Row], bool], count: int) -> list[Row]:
        """The wanted rows; waits until there are `count` of them and none is open: settling follows the answer."""
        return self._settled(lambda: [row for row in self.rows() if is_wanted(row)], count)

    def _settled(self, read: Callable[[], list[Row]], count: int) -> list[Row]:
        end = time.monotonic() + SECONDS
        while True:
            found = read()
            if len(found) == count and all(row["state"] != "open" for row in found):
                return found
            assert time.monotonic() < end, found
            time.sleep(0.02)
