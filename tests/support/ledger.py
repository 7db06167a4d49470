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
_QUERY = "SELECT * FROM threadless_usagerecord ORDER BY id"

Row = dict[str, Any]


class Ledger:
    """The rows behind a `DATABASE_URL`, of SQLite or PostgreSQL."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    def rows(self) -> list[Row]:
        """All rows, oldest first."""
        if self._url.startswith("sqlite:"):
            with closing(sqlite3.connect(self._url.removeprefix("sqlite:///"), timeout=20)) as database:
                database.row_factory = sqlite3.Row
                return [dict(row) for row in database.execute(_QUERY)]
        with psycopg.connect(self._url, row_factory=dict_row) as connection:
            return connection.execute(_QUERY).fetchall()

    def rows_of(self, request_id: str) -> list[Row]:
        """The rows with this id, which the server or the client chose; settled or not."""
        return [row for row in self.rows() if _has_id(row, request_id)]

    def settled_row(self, request_id: str) -> Row:
        """The only row with this id; waits until it is settled."""
        return self.settled_rows(lambda row: _has_id(row, request_id), 1)[0]

    def settled_rows(self, is_wanted: Callable[[Row], bool], count: int) -> list[Row]:
        """The wanted rows; waits until there are `count` of them and none is open: settling follows the answer."""
        end = time.monotonic() + SECONDS
        while True:
            found = [row for row in self.rows() if is_wanted(row)]
            if len(found) == count and all(row["state"] != "open" for row in found):
                return found
            assert time.monotonic() < end, found
            time.sleep(0.02)


def _has_id(row: Row, request_id: str) -> bool:
    return request_id in (row["request_id"], row["client_request_id"])
