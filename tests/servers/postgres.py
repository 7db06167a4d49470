"""A separate PostgreSQL cluster in a temporary folder, which a test may stop and start again."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.support.serving import free_port

MISSING = "PostgreSQL's server programs (initdb, pg_ctl) are not installed"


def programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`; distributions keep them out of the path."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class Cluster:
    """Speaks TCP on loopback alone, trusts everybody there, and keeps nothing safe: it lives for one test."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self._data = folder / "data"
        self._binaries = binaries
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self._user = _unprivileged_user(folder)
        self._run(
            "initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8"
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self.port} -h 127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=60"
        log = str(self._data.parent / "log")
        self._run("pg_ctl", "start", "-w", "-s", "-D", str(self._data), "-l", log, "-o", options)

    def start_if_stopped(self) -> None:
        """Start it unless it runs."""
        if not (self._data / "postmaster.pid").exists():
            self.start()

    def stop(self, mode: str = "fast") -> None:
        """Stop it; `fast` throws every client out, `immediate` is a crash."""
        self._run("pg_ctl", "stop", "-w", "-s", "-D", str(self._data), "-m", mode)

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url.removesuffix("postgres") + name

    def _run(self, program: str, *arguments: str) -> None:
        command: Sequence[str] = [str(self._binaries / program), *arguments]
        # Not a pipe: the server inherits it and would hold it open.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                command, user=self._user, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=60
            )
            output.seek(0)
            assert done.returncode == 0, output.read()


def _unprivileged_user(folder: Path) -> int | None:
    """PostgreSQL refuses to run as root: then the folder and the processes go to another user."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    user = names.get("postgres", names["nobody"])
    os.chown(folder, user, -1)
    return user


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running cluster."""
    binaries = programs()
    assert binaries is not None, MISSING
    with tempfile.TemporaryDirectory(prefix="threadless-pg-") as folder:
        made = Cluster(Path(folder), binaries)
        made.start()
        try:
            yield made
        finally:
            with suppress(AssertionError):  # a test has stopped it
                made.stop("immediate")
