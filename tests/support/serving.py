"""The example host on a real server: `prepared_host` makes its database and a key, `serve` starts it on loopback."""

from __future__ import annotations

import atexit
import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg

from tests.support.server_commands import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 40
STOP_SECONDS = 15

_TEMPLATE: Final = f"threadless_template_{os.getpid()}"
_template_keys: dict[str, str] = {}
"""URL of a PostgreSQL server → the key in its template."""
_OWN = ("DATABASE_URL", "CACHE_URL", "DJANGO_SETTINGS_MODULE", "WEB_CONCURRENCY", "SECRET_KEY")


@dataclass(frozen=True, kw_only=True)
class Host:
    """A migrated example host. `env` is the whole environment of its processes, `key` a raw API key of its user."""

    env: dict[str, str]
    key: str

    def manage(self, *arguments: str) -> str:
        """Run a management command; its standard output."""
        return _run([sys.executable, "manage.py", *arguments], self.env)


def prepared_host(tmp_path: Path, *, database_url: str = "", settings: str = "project.settings", **env: str) -> Host:
    """A host with the user `alice`, her organisation and her key, on a new SQLite file or an empty PostgreSQL database.

    `env` holds further variables, such as `UPSTREAM_BASE_URL`.
    """
    given = environment(SECRET_KEY="for tests only", DJANGO_SETTINGS_MODULE=settings, **env)
    if database_url:
        return Host(env={**given, "DATABASE_URL": database_url}, key=_fill(database_url))
    template, key = _sqlite_template()
    path = Path(shutil.copy(template, tmp_path / "host.sqlite3"))
    return Host(env={**given, "DATABASE_URL": f"sqlite:///{path}"}, key=key)


def environment(**variables: str) -> dict[str, str]:
    """The surrounding environment without what would configure the example host, and these variables."""
    kept = {n: v for n, v in os.environ.items() if n not in _OWN and not n.startswith(("UPSTREAM_", "PYTEST_"))}
    return kept | variables


@cache
def _sqlite_template() -> tuple[Path, str]:
    """Migrations take seconds, a copy of their result does not: one for each test process."""
    folder = Path(tempfile.mkdtemp(prefix="threadless-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "template.sqlite3"
    return path, _prepare(f"sqlite:///{path}")


def _fill(database_url: str) -> str:
    """Replace an empty database by a copy of one that is migrated once for each PostgreSQL server; the key in it."""
    server, _, name = database_url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_TEMPLATE]).fetchone():
            connection.execute(f'CREATE DATABASE "{_TEMPLATE}"'.encode())
            _template_keys[server] = _prepare(f"{server}/{_TEMPLATE}")
        connection.execute(f'DROP DATABASE "{name}"'.encode())
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{_TEMPLATE}"'.encode())
    return _template_keys[server]


def _prepare(database_url: str) -> str:
    env = environment(SECRET_KEY="for tests only", DATABASE_URL=database_url)
    return _run([sys.executable, "-m", "tests.support.prepare_host"], env).split()[-1]


def _run(command: Sequence[str], env: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(kw_only=True)
class Server:
    """A running server. The processes form their own group."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    base_url: str = field(init=False)

    def __post_init__(self) -> None:
        self.base_url = f"http://127.0.0.1:{self.port}"

    def log_text(self) -> str:
        """All that the server has printed."""
        return self.log.read_text(errors="replace")

    def stop(self, number: int = signal.SIGTERM, timeout: float = STOP_SECONDS) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout)

    def worker_ids(self) -> list[int]:
        """Process ids of the server's direct children."""
        listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        pairs = (line.split() for line in listed.splitlines())
        return sorted(int(pid) for pid, parent in pairs if int(parent) == self.process.pid)


@contextlib.contextmanager
def serve(
    kind: str,
    *,
    env: Mapping[str, str] | None = None,
    settings: str = "",
    workers: int = 1,
    options: Sequence[str] = (),
) -> Iterator[Server]:
    """The example host on a server of this kind (see `COMMANDS`), from its first answer to the end of the block.

    `env` is usually `Host.env`; `settings` wins over the settings module that it names.
    """
    given = dict(environment() if env is None else env)
    if settings:
        given["DJANGO_SETTINGS_MODULE"] = settings
    with tempfile.TemporaryDirectory(prefix="threadless-") as folder:
        server = _start(kind, given, workers, options, Path(folder) / "log")
        try:
            yield server
        finally:
            _end(server)


def _start(kind: str, env: dict[str, str], workers: int, options: Sequence[str], log: Path) -> Server:
    for _ in range(3):  # somebody else may take the port between the look and the bind
        port = free_port()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*_with_default_interrupt(), *COMMANDS[kind](port, workers), *options],
                cwd=ROOT,
                env=env,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = Server(process=process, port=port, log=log)
        if _answers(server):
            return server
        _end(server)
    raise AssertionError(f"{kind} did not start:\n{server.log_text()}")


def _with_default_interrupt() -> list[str]:
    """The start of a command that gets SIGINT as usual. Shells let background processes ignore it."""
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        return []
    code = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])"
    return [sys.executable, "-c", code]


def _end(server: Server) -> None:
    if server.process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.stop()
    with contextlib.suppress(ProcessLookupError):  # also what a killed parent left behind
        os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait(STOP_SECONDS)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _answers(server: Server) -> bool:
    """Wait for the first answer; False if the process ends before it or takes too long."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.process.poll() is None:
        try:
            if status(server.base_url + "/api/v1/models") == http.client.UNAUTHORIZED:
                return True
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
    return False


def status(url: str) -> int:
    """The HTTP status of a GET."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", parts.path, headers={"Connection": "close"})
        return connection.getresponse().status
    finally:
        connection.close()
