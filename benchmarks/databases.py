"""Access to the databases of the measured servers: an SQLite file, or a database of a PostgreSQL server."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from benchmarks.processes import Process

_SERVER_VARIABLE = "BENCH_POSTGRESQL_URL"
_SERVER_DEFAULT = "postgresql://postgres@127.0.0.1:5432"


class Database(ABC):
    """One database."""

    url: str

    @abstractmethod
    def query(self, sql: str) -> list[Any]:
        """The rows of a query."""

    @abstractmethod
    def connections(self, process: Process) -> int:
        """The number of connections that the measured server holds at this moment."""

    @abstractmethod
    def copy(self, folder: Path) -> Database:
        """A new database with the same content. No process may use this one now. A file is created in the folder."""

    def remove(self) -> None:  # noqa: B027  (a file is deleted with the folder of the run)
        """Delete what is outside the folder of the run."""


class File(Database):
    """An SQLite file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def query(self, sql: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(sql).fetchall()

    def connections(self, process: Process) -> int:
        """Counts descriptors of the write-ahead log, because SQLite keeps those of the file for the next connection."""
        return process.open_files().count(f"{self.path}-wal")

    def copy(self, folder: Path) -> Database:
        """With the write-ahead log, which may hold all of the content."""
        for path in self.path.parent.glob(f"{self.path.name}*"):
            shutil.copy(path, folder)
        return File(folder / self.path.name)


class Server(Database):
    """A new database of the PostgreSQL server in `BENCH_POSTGRESQL_URL`. Raises `OSError` if there is no answer."""

    def __init__(self, template: str = "template1") -> None:
        self._server = os.environ.get(_SERVER_VARIABLE, _SERVER_DEFAULT)
        self._name = f"threadless_bench_{secrets.token_hex(4)}"
        self._run("postgres", f"CREATE DATABASE {self._name} TEMPLATE {template}")
        self.url = f"{self._server}/{self._name}"

    def query(self, sql: str) -> list[Any]:
        return self._run(self._name, sql)

    def connections(self, process: Process) -> int:
        """All connections to this database, including idle ones in the pool."""
        found = self._run("postgres", f"SELECT COUNT(*) FROM pg_stat_activity WHERE datname = '{self._name}'")
        return int(found[0][0])

    def copy(self, folder: Path) -> Database:
        return Server(template=self._name)

    def remove(self) -> None:
        self._run("postgres", f"DROP DATABASE {self._name} WITH (FORCE)")

    def _run(self, database: str, sql: str) -> list[Any]:
        try:
            import psycopg  # optional: without it PostgreSQL is not measured
        except ImportError as error:
            raise OSError("psycopg is not installed") from error
        try:
            with psycopg.connect(f"{self._server}/{database}", autocommit=True, connect_timeout=3) as connection:
                cursor = connection.execute(sql)
                return cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError as error:
            raise OSError(f"no PostgreSQL server answers: {error}") from error
