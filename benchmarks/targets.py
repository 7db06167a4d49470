"""The measured servers: the example host, the pass-through, nginx, Portkey's gateway and the LiteLLM proxy."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks import litellm, nginx, payloads, portkey, processes
from benchmarks.databases import Database, File, Server
from benchmarks.hosts import HOSTS, Host
from benchmarks.processes import ROOT, Process

UPSTREAM: Final = "upstream"
NGINX: Final = "nginx"
PORTKEY: Final = "portkey"
LITELLM: Final = "litellm"
RIVALS: Final = {
    NGINX: "nginx, proxy_pass",
    PORTKEY: "Portkey's gateway (no keys, limits or rows)",
    LITELLM: "LiteLLM proxy (key and row)",
    UPSTREAM: "mock upstream alone (limit of the tools)",
}
"""Name → title of what is not the example host."""

_KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
_UPSTREAM_KEY: Final = "of-the-upstream"


@dataclass(kw_only=True)
class Target:
    """A server and its database, if it has one. `launch` starts it, on a free port each time."""

    name: str
    command: Callable[[int], Sequence[str]]
    env: Mapping[str, str]
    folder: Path
    path: str = "/v1/chat/completions"
    key: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    database: Database | None = None
    table: str = "threadless_usagerecord"
    process: Process = field(init=False)
    port: int = field(init=False)

    def launch(self) -> None:
        """Start the server and wait until it answers. Raises `OSError` or `RuntimeError`."""
        self.port = processes.free_port()
        self.process = processes.start(self.command(self.port), env=self.env, log=self.folder / "log")
        try:
            processes.wait_for(self.process, lambda: _answers(self.port))
        except BaseException:
            self.process.stop()
            raise

    def stop(self) -> None:
        """Stop the server. Its database stays."""
        self.process.stop()

    def pause(self) -> None:
        """Take it from the machine while another server is measured."""
        self.process.pause()

    def resume(self) -> None:
        """Let it continue."""
        self.process.resume()

    def remove(self) -> None:
        """Delete its database."""
        if self.database is not None:
            self.database.remove()

    def rows(self) -> dict[str, int]:
        """The number of ledger rows by state."""
        query = f"SELECT state, COUNT(*) FROM {self.table} GROUP BY state"
        return dict(self.database.query(query)) if self.database else {}

    def request_ids(self) -> list[str]:
        """The request ids in the ledger. LiteLLM has none that it sent upstream."""
        if self.database is None or self.name == LITELLM:
            return []
        return [row[0] for row in self.database.query(f"SELECT request_id FROM {self.table}")]

    def connections(self) -> int:
        """The number of open database connections."""
        return self.database.connections(self.process) if self.database else 0


class Upstream(Target):
    """The mock upstream. It runs all the time, and is a target itself: that is the limit of the tools."""

    def __init__(self, process: Process, url: str, folder: Path) -> None:
        super().__init__(name=UPSTREAM, command=lambda _: [], env={}, folder=folder)
        self.process = process
        self.url = url
        self.port = int(url.rpartition(":")[2])

    def launch(self) -> None:
        """It runs already."""

    stop = pause = resume = launch


def prepare(name: str, upstream: str, folder: Path, hosts: Mapping[str, Host] = HOSTS) -> Target:
    """The target with this name, not running. Raises `OSError` or `CalledProcessError` if something is missing."""
    folder.mkdir()
    env = {variable: os.environ[variable] for variable in _KEPT if variable in os.environ}
    env |= {"UPSTREAM_BASE_URL": f"{upstream}/v1", "UPSTREAM_API_KEY": _UPSTREAM_KEY}
    if name in hosts:
        return _prepare_host(name, hosts[name], env, folder)
    if name == NGINX:
        nginx.program()
        return Target(name=name, command=partial(nginx.command, upstream, folder), env=env, folder=folder)
    if name == PORTKEY:
        portkey.install()
        env |= portkey.ENVIRONMENT
        headers = portkey.headers(upstream)
        return Target(name=name, command=portkey.command, env=env, folder=folder, key=_UPSTREAM_KEY, headers=headers)
    return _prepare_litellm(env, folder)


def _prepare_host(name: str, host: Host, env: dict[str, str], folder: Path) -> Target:
    if host.is_floor:
        return Target(name=name, command=host.command, env=env, folder=folder)
    database = Server() if host.is_on_postgresql else File(folder / "host.sqlite3")
    try:
        key = _fill(host, database, env)
    except BaseException:
        database.remove()
        raise
    path = "/api/v1/chat/completions"
    return Target(name=name, command=host.command, env=env, folder=folder, path=path, key=key, database=database)


def _fill(host: Host, database: Database, env: dict[str, str]) -> str:
    """Complete the environment, create the tables and a user, and return an API key."""
    env |= {
        "DJANGO_SETTINGS_MODULE": host.settings,
        "SECRET_KEY": secrets.token_hex(32),
        "DATABASE_URL": database.url,
        "UPSTREAM_MODELS": payloads.MODEL_NAMES,
    }
    key = _run(host, env, "-m", "tests.support.prepare_host").split()[-1]
    if host.has_budget:
        budget = ("--platform", "--unit", "tokens", "--period", "month", "--limit", str(10**15))
        _run(host, env, "manage.py", "threadless_budget", "set", *budget)
    return key


def _run(host: Host, env: Mapping[str, str], *arguments: str) -> str:
    command = [host.python, *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout


def _prepare_litellm(env: dict[str, str], folder: Path) -> Target:
    litellm.install()
    database = File(folder / "ledger.sqlite3")
    key = litellm.prepare(database.path, folder)
    env |= litellm.ENVIRONMENT | {
        "BENCH_DATABASE": str(database.path),
        "LITELLM_MASTER_KEY": f"sk-{secrets.token_hex(32)}",
    }
    command = partial(litellm.command, folder)
    return Target(name=LITELLM, command=command, env=env, folder=folder, key=key, database=database, table="usage")


@contextlib.contextmanager
def running(name: str, upstream: str, folder: Path) -> Iterator[Target]:
    """One target, started, with a new database."""
    target = prepare(name, upstream, folder)
    try:
        target.launch()
        try:
            yield target
        finally:
            target.stop()
    finally:
        target.remove()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/liveliness")  # LiteLLM's path; a 404 or 401 of the others is an answer too
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
