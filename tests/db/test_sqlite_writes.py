"""Threads that write to SQLite wait for each other here, and not for SQLite's own lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper

from threadless.db.prepared import Statement, first_row
from threadless.db.sqlite_writes import write_turns

pytestmark = pytest.mark.django_db

INSERT = Statement("INSERT INTO zoo (animal) VALUES (%s) RETURNING animal")
SELECT = Statement("SELECT count(*) FROM zoo")
THREADS, WRITES = 4, 50

Connect = Callable[[], DatabaseWrapper]


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    """Makes connections to one file. They fail at once if another one is writing."""
    options = {"timeout": 0, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"}
    settings = {**connections.settings["default"], "NAME": tmp_path / "zoo", "OPTIONS": options}
    with ExitStack() as opened:

        def connect() -> DatabaseWrapper:
            connection = DatabaseWrapper(settings, alias="zoo")
            connection.inc_thread_sharing()
            opened.callback(connection.close)
            return connection

        with connect().cursor() as cursor:
            cursor.execute("CREATE TABLE zoo (animal text)")
        yield connect


def is_the_turn_free(_: Any) -> bool:
    """For `read`: whether another thread could write now."""
    lock = write_turns.take()
    if lock is not None:
        lock.release()
    return lock is not None


def test_no_thread_meets_the_lock_of_another(connect: Connect) -> None:
    start = Barrier(THREADS)

    def write_often() -> None:
        connection = connect()
        start.wait()
        for _ in range(WRITES):
            INSERT.run(connection, ["lion"], first_row)

    with ThreadPoolExecutor(THREADS) as threads:
        for written in [threads.submit(write_often) for _ in range(THREADS)]:
            written.result()
    assert SELECT.run(connect(), [], first_row) == (THREADS * WRITES,)


def test_write_has_the_turn_until_it_is_committed(connect: Connect) -> None:
    assert INSERT.run(connect(), ["lion"], is_the_turn_free) is False


def test_read_takes_no_turn(connect: Connect) -> None:
    assert SELECT.run(connect(), [], is_the_turn_free) is True


def test_write_within_a_transaction_takes_no_turn(connect: Connect) -> None:
    connection = connect()
    connection.set_autocommit(False)
    connection.in_atomic_block = True
    assert INSERT.run(connection, ["lion"], is_the_turn_free) is True


def test_turn_is_given_back_after_an_error(connect: Connect) -> None:
    with pytest.raises(ZeroDivisionError):
        INSERT.run(connect(), ["lion"], lambda _: 1 / 0)
    assert is_the_turn_free(None)
