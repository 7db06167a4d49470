"""A connection to a file outlives the thread or call that used it, and nothing else of it does."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError
from django.db.utils import ConnectionHandler
from pytest_django import DjangoDbBlocker

from threadless.contrib.pooled_sqlite import base
from threadless.contrib.pooled_sqlite.base import DatabaseWrapper
from threadless.db.prepared import Statement, row_count

Make = Callable[..., DatabaseWrapper]

ROOT = Path(__file__).resolve().parents[2]
WAIT = 10
INIT = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"


@pytest.fixture
def path(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    """Where a database is made."""
    with django_db_blocker.unblock():
        yield tmp_path / "pooled.sqlite3"


@pytest.fixture
def wrapper(path: Path) -> Iterator[Make]:
    """A function that makes what a thread or call has of the database, not connected yet."""
    options = {"init_command": INIT, "transaction_mode": "IMMEDIATE", "timeout": 20}
    made: list[Any] = []

    def make(name: Path | str = path) -> DatabaseWrapper:
        settings = {"ENGINE": "threadless.contrib.pooled_sqlite", "NAME": name, "OPTIONS": options}
        made.append(ConnectionHandler({"default": settings})["default"])
        made[-1].inc_thread_sharing()
        return made[-1]

    yield make
    for each in made:
        each.close()
    for idle in base._idle.values():
        while idle:
            idle.pop().close()


def opened(wrapper: DatabaseWrapper) -> sqlite3.Connection:
    """The connection beneath, open."""
    wrapper.ensure_connection()
    return wrapper.connection


def ask(wrapper: DatabaseWrapper, sql: str) -> Any:
    """The first value of a result."""
    with wrapper.cursor() as cursor:
        cursor.execute(sql)
        return (cursor.fetchone() or [None])[0]


def is_closed(connection: sqlite3.Connection) -> bool:
    """True if it can no longer be used."""
    try:
        connection.execute("SELECT 1")
    except connection.ProgrammingError:
        return True
    return False


def test_closed_connection_is_used_again(wrapper: Make) -> None:
    first, second, third = wrapper(), wrapper(), wrapper()
    connection = opened(first)
    first.close()
    assert opened(second) is connection
    second.close()
    assert opened(third) is connection


def test_closed_connection_is_used_again_by_another_thread(wrapper: Make) -> None:
    first, second = wrapper(), wrapper()
    connection, found = opened(first), []
    first.close()
    thread = threading.Thread(target=lambda: found.append((opened(second), ask(second, "SELECT 1"))))
    thread.start()
    thread.join(WAIT)
    assert found == [(connection, 1)]


def test_connection_in_use_is_nobody_elses(wrapper: Make) -> None:
    first = wrapper()
    opened(first)
    first.close()
    assert opened(wrapper()) is not opened(wrapper())


def test_other_file_has_other_connections(wrapper: Make, tmp_path: Path) -> None:
    first = wrapper()
    connection = opened(first)
    first.close()
    assert opened(wrapper(tmp_path / "other.sqlite3")) is not connection


def test_connection_within_a_transaction_is_not_kept(wrapper: Make) -> None:
    first, second = wrapper(), wrapper()
    ask(second, "CREATE TABLE rows (id integer)")
    first.set_autocommit(False)
    ask(first, "INSERT INTO rows VALUES (1)")
    connection = first.connection
    first.close()
    assert is_closed(connection)
    assert ask(second, "SELECT count(*) FROM rows") == 0


def test_connection_after_a_transaction_is_kept(wrapper: Make) -> None:
    first = wrapper()
    connection = opened(first)
    first.set_autocommit(False)
    ask(first, "CREATE TABLE rows (id integer)")
    first.commit()
    first.set_autocommit(True)
    first.close()
    assert opened(wrapper()) is connection


def test_connection_that_commits_nothing_by_itself_is_not_kept(wrapper: Make) -> None:
    first = wrapper()
    connection = opened(first)
    first.set_autocommit(False)
    first.close()
    assert is_closed(connection)


def test_wrapper_that_opens_again_has_djangos_state_anew(wrapper: Make) -> None:
    first = wrapper()
    opened(first)
    first.close()
    first.errors_occurred = True
    opened(first)
    assert (first.errors_occurred, first.in_atomic_block, first.get_autocommit()) == (False, False, True)


def test_no_more_connections_are_kept_than_allowed(wrapper: Make) -> None:
    wrappers = [wrapper() for _ in range(base.MAX_IDLE + 2)]
    connections = [opened(each) for each in wrappers]
    for each in wrappers:
        each.close()
    assert [is_closed(each) for each in connections] == [False] * base.MAX_IDLE + [True] * 2


def test_file_made_anew_gets_new_connections(wrapper: Make, path: Path) -> None:
    first, second = wrapper(), wrapper()
    ask(first, "CREATE TABLE rows (id integer)")
    first.close()
    path.unlink()
    assert ask(second, "SELECT count(*) FROM sqlite_master") == 0


def test_connection_to_a_file_that_was_made_anew_meanwhile_is_not_kept(wrapper: Make, path: Path) -> None:
    first, second, third = wrapper(), wrapper(), wrapper()
    ask(first, "CREATE TABLE rows (id integer)")
    path.unlink()
    ask(second, "SELECT 1")
    first.close()
    assert ask(third, "SELECT count(*) FROM sqlite_master") == 0


def test_connection_to_a_file_that_is_gone_is_not_kept(wrapper: Make, path: Path) -> None:
    first = wrapper()
    connection = opened(first)
    path.unlink()
    first.close()
    assert is_closed(connection)


def test_database_in_memory_stays_with_its_wrapper(wrapper: Make) -> None:
    first, second = wrapper(":memory:"), wrapper(":memory:")
    connection = opened(first)
    first.close()
    assert opened(second) is not connection
    assert first.connection is connection
    for each in (first, second):  # Django never closes one
        each.connection.close()


@pytest.mark.parametrize(("pragma", "value"), [("synchronous", 1), ("journal_mode", "wal"), ("foreign_keys", 1)])
def test_settings_hold_on_a_connection_used_again(wrapper: Make, pragma: str, value: Any) -> None:
    first, second = wrapper(), wrapper()
    connection = opened(first)
    first.close()
    assert ask(second, f"PRAGMA {pragma}") == value
    assert second.connection is connection


def test_transaction_mode_holds_on_a_connection_used_again(wrapper: Make) -> None:
    first, second, other = wrapper(), wrapper(), wrapper()
    other.settings_dict["OPTIONS"] |= {"timeout": 0}
    ask(other, "CREATE TABLE rows (id integer)")
    opened(first)
    first.close()
    ask(second, "SELECT 1")
    second.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    with pytest.raises(DatabaseError, match="locked"):
        ask(other, "INSERT INTO rows VALUES (1)")
    second.rollback()


FORK = """
import os, sys
from django.db.utils import ConnectionHandler

def make():
    database = {"ENGINE": "threadless.contrib.pooled_sqlite", "NAME": sys.argv[1]}
    wrapper = ConnectionHandler({"default": database})["default"]
    wrapper.ensure_connection()
    return wrapper

first = make()
idle = first.connection
first.close()
child = os.fork()
is_used_again = make().connection is idle
if child == 0:
    os._exit(is_used_again)
print(is_used_again, bool(os.waitpid(child, 0)[1]))
"""


def test_forked_process_leaves_its_parents_connections_alone(path: Path) -> None:
    command = [sys.executable, "-c", FORK, str(path)]
    environment = {"DJANGO_SETTINGS_MODULE": "project.settings"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "True False\n", done.stderr


@pytest.fixture
def locked(wrapper: Make, path: Path) -> Iterator[sqlite3.Connection]:
    """Another connection that holds the lock for writing."""
    ask(wrapper(), "CREATE TABLE t (n integer)")
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def test_writer_waits_until_the_lock_is_released(wrapper: Make, locked: sqlite3.Connection) -> None:
    threading.Timer(0.2, lambda: locked.execute("COMMIT") and None).start()
    ask(wrapper(), "INSERT INTO t VALUES (1)")
    assert ask(wrapper(), "SELECT n FROM t") == 1


def test_statement_of_ours_waits_until_the_lock_is_released(wrapper: Make, locked: sqlite3.Connection) -> None:
    threading.Timer(0.2, lambda: locked.execute("COMMIT") and None).start()
    insert = Statement("INSERT INTO t VALUES (%s)")
    writers = [threading.Thread(target=insert.run, args=(wrapper(), [1], row_count)) for _ in range(4)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join(WAIT)
    assert ask(wrapper(), "SELECT count(*) FROM t") == len(writers)


@pytest.mark.parametrize("statement", ["INSERT INTO t VALUES (1)", "BEGIN IMMEDIATE"])
def test_writer_gives_up_after_the_timeout(wrapper: Make, locked: sqlite3.Connection, statement: str) -> None:
    waiting = wrapper()
    waiting.settings_dict["OPTIONS"] |= {"timeout": 0.1}
    with pytest.raises(OperationalError, match="locked"):
        ask(waiting, statement)


def test_reader_does_not_wait_for_a_writer(wrapper: Make, locked: sqlite3.Connection) -> None:
    assert ask(wrapper(), "SELECT count(*) FROM t") == 0


@pytest.mark.parametrize("code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY])
def test_every_kind_of_busy_is_tried_again(code: int) -> None:
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = code
    outcomes: list[Any] = [busy, busy]

    def attempt() -> str:
        if outcomes:
            raise outcomes.pop()
        return "done"

    assert base._retry(10, attempt) == "done"
