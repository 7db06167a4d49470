"""The machines of `benchmarks.rig`: two nodes, nginx, PgBouncer and Redis, on free ports of loopback."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from benchmarks.processes import Process, free_port, start

_PATH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
_NGINX: Final = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.error.log;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream platform {{ {servers} }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{ proxy_pass http://platform; proxy_set_header Host $host; proxy_buffering off; }}
    }}
}}
"""
_PGBOUNCER: Final = """
[databases]
* = host={host} port={server_port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 8
max_client_conn = 500
"""


@dataclass
class Rig:
    """The addresses of nginx and of the nodes."""

    url: str
    nodes: list[str]
    processes: list[Process]

    def kill_one(self) -> None:
        """Kill the first node with its workers, and wait until its port is closed."""
        os.killpg(self.processes[0].popen.pid, signal.SIGKILL)
        wait(lambda: not _listens(int(self.nodes[0].rpartition(":")[2])), 10)


@contextmanager
def started(folder: Path, database_url: str, upstream: str, way: str) -> Iterator[Rig]:
    """All of them, running."""
    folder.mkdir(mode=0o755)
    with ExitStack() as stack:

        def run(name: str, command: list[str], port: int, **env: str) -> Process:
            process = start(command, env={**os.environ, **env}, log=folder / f"{name}.log")
            stack.callback(process.stop)
            wait(lambda: _listens(port), 60)
            return process

        redis = free_port()
        options = ["--port", str(redis), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        run("redis", [_program("redis-server"), *options], redis)
        if way == "PgBouncer":
            database_url = _pgbouncer(run, folder, database_url)
        env = {
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "SECRET_KEY": secrets.token_hex(32),
            "DATABASE_URL": database_url,
            "PREPARED_STATEMENTS": str(way != "PgBouncer"),
            "CACHE_URL": f"redis://127.0.0.1:{redis}/0",
            "UPSTREAM_BASE_URL": f"{upstream}/v1",
            "UPSTREAM_MODELS": "bench,bench-burst,bench-paced,bench-fail",
        }
        ports = [free_port(), free_port()]
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", "project/gunicorn.conf.py", "project.wsgi", "-w", "2"]
        nodes = [run(f"node{port}", [*gunicorn, "-b", f"127.0.0.1:{port}"], port, **env) for port in ports]
        front = free_port()
        servers = " ".join(f"server 127.0.0.1:{port};" for port in ports)
        path = folder / "nginx.conf"
        path.write_text(_NGINX.format(folder=folder, servers=servers, port=front))
        run("nginx", [_program("nginx"), "-c", str(path), "-e", str(folder / "nginx.error.log")], front)
        yield Rig(f"http://127.0.0.1:{front}", [f"http://127.0.0.1:{port}" for port in ports], nodes)


def _pgbouncer(run: Callable[..., Process], folder: Path, database_url: str) -> str:
    """Start it, and return the address of the database through it. As root, it runs as the user `postgres`."""
    found, port = urlsplit(database_url), free_port()
    path = folder / "pgbouncer.ini"
    user = found.username or "postgres"
    path.write_text(_PGBOUNCER.format(host=found.hostname, server_port=found.port or 5432, user=user, port=port))
    as_user = ["-u", "postgres"] if os.getuid() == 0 else []
    run("pgbouncer", [_program("pgbouncer"), *as_user, str(path)], port)
    return f"postgresql://{user}@127.0.0.1:{port}{found.path}"


def _program(name: str) -> str:
    path = shutil.which(name, path=_PATH)
    if path is None:
        sys.exit(f"{name} is not installed.")
    return path


def wait(is_ready: Callable[[], bool], seconds: float) -> None:
    """Wait until it is ready. Raises `TimeoutError`."""
    end = time.monotonic() + seconds
    while not is_ready():
        if time.monotonic() > end:
            raise TimeoutError("The rig is not ready.")
        time.sleep(0.05)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
