"""The demo's production server."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Final

import requests

from project.quickstart.processes import DidNotStart, Process, Processes

USUAL_PORT: Final = 8000
_START_SECONDS: Final = 40.0
_TRY_EVERY_SECONDS: Final = 0.1


def start_server(processes: Processes, environment: Mapping[str, str], port: int | None) -> str:
    """Run gunicorn, wait until it answers, and return its address."""
    with listen(port) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        arguments = ["gunicorn", "-c", "project/gunicorn.conf.py", "--bind", f"fd://{listener.fileno()}"]
        # Idle browser connections should not delay the end of a demo.
        arguments += ["--graceful-timeout", "3", "project.wsgi"]
        process = processes.start("server", arguments, environment, fds=[listener.fileno()])
    wait_until_healthy(process, f"{address}/health/")
    return address


def listen(port: int | None) -> socket.socket:
    """A listening socket for the server to inherit, so that the port stays ours. Raises `OSError` if it is in use.

    None means the usual port, or any free one if that is in use.
    """
    try:
        return socket.create_server(("127.0.0.1", USUAL_PORT if port is None else port), backlog=2048)
    except OSError:
        if port is not None:
            raise
        return socket.create_server(("127.0.0.1", 0), backlog=2048)


def own_machine() -> requests.Session:
    """A session for loopback, without the proxies that the environment may configure."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Connection"] = "close"
    return session


def wait_until_healthy(process: Process, url: str) -> None:
    """Return once the server answers. Raises `DidNotStart`."""
    deadline = time.monotonic() + _START_SECONDS
    while process.is_running and time.monotonic() < deadline:
        try:
            if own_machine().get(url, timeout=_START_SECONDS / 4).ok:
                return
        except requests.RequestException:
            time.sleep(_TRY_EVERY_SECONDS)
    raise DidNotStart(f"The server did not start: {process.last_words()}")
