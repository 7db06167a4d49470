"""The measured servers: the example host on several servers, the pass-through, and the LiteLLM proxy."""

from __future__ import annotations

import http.client
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import litellm, processes
from benchmarks.databases import Database, File, Server
from benchmarks.processes import ROOT, Process

GEVENT: Final = "gevent"
POSTGRESQL: Final = "gevent-postgresql"
FLOOR: Final = "floor"
LITELLM: Final = "litellm"

_GUNICORN: Final = ("-m", "gunicorn", "-c", "project/gunicorn.conf.py", "-w", "1", "-b", "127.0.0.1:{port}")
_GEVENT: Final = (*_GUNICORN, "-k", "gevent")
_GTHREAD: Final = (*_GUNICORN, "-k", "gthread", "--threads", "128")
_UVICORN: Final = ("-m", "uvicorn", "--lifespan", "off", "--no-access-log", "--port", "{port}")
_GRANIAN: Final = ("-m", "granian", "--interface", "asgi", "--no-access-log", "--port", "{port}")
SERVERS: Final = {
    GEVENT: (*_GEVENT, "project.wsgi"),
    POSTGRESQL: (*_GEVENT, "project.wsgi"),
    "gthread": (*_GTHREAD, "project.wsgi"),
    "uvicorn": (*_UVICORN, "project.asgi:application"),
    "granian": (*_GRANIAN, "project.asgi:application"),
    FLOOR: (*_GEVENT, "benchmarks.passthrough"),
}
_KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A running server and its database, if it has one."""

    name: str
    process: Process
    port: int
    path: str = "/v1/chat/completions"
    key: str = ""
    database: Database | None = None
    table: str = "threadless_usagerecord"

    def rows(self) -> dict[str, int]:
        """The number of ledger rows by state."""
        query = f"SELECT state, COUNT(*) FROM {self.table} GROUP BY state"
        return dict(self.database.query(query)) if self.database else {}  # type: ignore[arg-type]

    def request_ids(self) -> list[str]:
        """The request ids in the ledger. LiteLLM has none that it sent upstream."""
        if self.database is None or self.name == LITELLM:
            return []
        return [row[0] for row in self.database.query(f"SELECT request_id FROM {self.table}")]

    def connections(self) -> int:
        """The number of open database connections."""
        return self.database.connections(self.process) if self.database else 0

    def stop(self) -> None:
        """Stop the server and delete its database."""
        self.process.stop()
        if self.database is not None:
            self.database.remove()


def start(name: str, upstream: str, folder: Path) -> Target:
    """Start the target with this name. Raises `OSError` if something that it needs is missing."""
    folder.mkdir()
    env = {variable: os.environ[variable] for variable in _KEPT if variable in os.environ}
    env |= {"UPSTREAM_BASE_URL": f"{upstream}/v1", "UPSTREAM_API_KEY": "of-the-upstream"}
    if name == FLOOR:
        process, port = _serve(_python(name), env, folder)
        return Target(name=name, process=process, port=port)
    if name == LITELLM:
        return _start_litellm(env, folder)
    return _start_host(name, env, folder)


def _start_host(name: str, env: dict[str, str], folder: Path) -> Target:
    database = Server() if name == POSTGRESQL else File(folder / "host.sqlite3")
    env |= {
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "SECRET_KEY": secrets.token_hex(32),
        "DATABASE_URL": database.url,
        "UPSTREAM_MODELS": "bench,bench-burst,bench-paced,bench-fail",
    }
    prepare = [sys.executable, "-m", "tests.support.prepare_host"]
    done = subprocess.run(prepare, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    process, port = _serve(_python(name), env, folder)
    key, path = done.stdout.split()[-1], "/api/v1/chat/completions"
    return Target(name=name, process=process, port=port, key=key, path=path, database=database)


def _start_litellm(env: dict[str, str], folder: Path) -> Target:
    database = File(folder / "ledger.sqlite3")
    key = litellm.prepare(database.path, folder)
    env |= litellm.ENVIRONMENT | {
        "BENCH_DATABASE": str(database.path),
        "LITELLM_MASTER_KEY": f"sk-{secrets.token_hex(32)}",
    }
    process, port = _serve(litellm.command(folder), env, folder)
    return Target(name=LITELLM, process=process, port=port, key=key, database=database, table="usage")


def _python(name: str) -> list[str]:
    return [sys.executable, *SERVERS[name]]


def _serve(command: Sequence[str], env: Mapping[str, str], folder: Path) -> tuple[Process, int]:
    port = processes.free_port()
    process = processes.start([part.format(port=port) for part in command], env=env, log=folder / "log")
    try:
        processes.wait_for(process, lambda: _answers(port))
    except BaseException:
        process.stop()
        raise
    return process, port


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/liveliness")  # LiteLLM's path; a 404 or 401 of the others is an answer too
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
