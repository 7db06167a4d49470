"""The usage rows of a host, read from outside of its processes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.support.serving import Host

SECONDS = 15
_QUERY = "SELECT * FROM threadless_usagerecord ORDER BY id"

Row = dict[str, Any]


def rows(host: Host) -> list[Row]:
    """All of them, oldest first."""
    url = host.env["DATABASE_URL"]
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(_QUERY)]
    with psycopg.connect(url, row_factory=dict_row) as database:
        return database.execute(_QUERY).fetchall()


def settled_row(host: Host, request_id: str) -> Row:
    """The only row of this call, waited for until it is settled."""
    return settled_rows(host, lambda row: row["request_id"] == request_id, 1)[0]


def settled_rows(host: Host, wanted: Callable[[Row], bool], count: int) -> list[Row]:
    """The wanted rows once there are `count` and none is open: settling goes on behind the client's back."""
    end = time.monotonic() + SECONDS
    while True:
        found = [row for row in rows(host) if wanted(row)]
        if len(found) == count and all(row["state"] != "open" for row in found):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.02)
