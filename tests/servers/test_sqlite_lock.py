"""While another process locks the example host's SQLite file, its gevent worker serves what needs no lock."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.servers.rig import rig
from tests.support.serving import status


def test_lock_stops_only_the_calls_that_need_it(tmp_path: Path) -> None:
    with rig("gevent", tmp_path) as made, made.connect() as client:
        path = made.host.env["DATABASE_URL"].removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            client.post("waiting")
            assert [status(f"{made.server.base_url}/api/v1/models") for _ in range(3)] == [401] * 3
            assert made.upstream.exchanges == []
            other.execute("COMMIT")
        assert client.read_head()[0] == 200
