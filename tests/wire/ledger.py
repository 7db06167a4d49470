"""Reads the usage rows of a host in another process."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any


class Ledger:
    """The rows of one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def row(self, request_id: str, timeout: float = 5) -> dict[str, Any]:
        """The one row of this request, once it is settled."""
        end = time.monotonic() + timeout
        while True:
            rows = self.rows(request_id)
            if rows and rows[0]["state"] != "open":
                assert len(rows) == 1
                return rows[0]
            assert time.monotonic() < end, f"no settled row for {request_id}: {rows}"
            time.sleep(0.02)

    def rows(self, request_id: str) -> list[dict[str, Any]]:
        """All rows of this request."""
        with closing(sqlite3.connect(self._path)) as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute("SELECT * FROM threadless_usagerecord WHERE request_id = ?", (request_id,))
            return [dict(row) for row in found]
