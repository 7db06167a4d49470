"""The recommended configuration of gunicorn: `gunicorn -c python:threadless.contrib.gunicorn mysite.wsgi`.

Command-line options, `GUNICORN_CMD_ARGS` and `WEB_CONCURRENCY` (the number of workers) override it. To change it in
your own file, begin the file with `from threadless.contrib.gunicorn import *`.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
import threading
import uuid
from collections import deque
from datetime import UTC, datetime
from typing import Any, Final

import gunicorn.config
import gunicorn.util

logger = logging.getLogger("threadless")

_CALLBACK_SECONDS: Final = 0.05
"""gevent takes Python's switch interval, 0.005 seconds by default, as the time for callbacks between two looks at its
sockets. A thousand streams have more of them, so each step of a new call waited for several rounds."""

_ended: Final[deque[tuple[int, datetime]]] = deque(maxlen=100)
"""Process IDs of ended workers. Filled in gunicorn's main process and copied to each new worker by its fork."""

__all__ = [
    "child_exit",
    "graceful_timeout",
    "keepalive",
    "limit_request_field_size",
    "limit_request_fields",
    "max_requests",
    "post_worker_init",
    "timeout",
    "worker_class",
    "workers",
]

workers = int(os.environ.get("WEB_CONCURRENCY", "0")) or os.cpu_count() or 1

try:
    import gunicorn.workers.ggevent  # needs gevent; some versions also need the package `packaging`
except (ImportError, RuntimeError):
    # One thread per call, for small installations. Further calls wait for a free thread.
    worker_class = "gthread"
    threads = 64
    __all__ += ["threads"]
else:
    # One process per core and one greenlet per call: a thousand slow streams cost little more than their sockets.
    worker_class = "gevent"
    worker_connections = 2000
    __all__ += ["worker_connections"]

# A worker that does not report for this long is killed with all its streams. gevent and gthread workers report while
# their calls wait for an upstream, so this kills only a worker that hangs.
timeout = 120
# At a restart, running calls have this long to end. Five seconds earlier, threadless ends the remaining ones with an
# error.
graceful_timeout = 30
# Longer than the usual 60 seconds of load balancers: they must not reuse a connection that we are closing.
keepalive = 75

# Gunicorn collects a head before anything knows who sends it, and its work grows with the square of the head's size:
# 0.04 seconds of a worker's time for the 512 KiB that these two allow, two minutes for 24 MiB.
limit_request_field_size = 8190
limit_request_fields = 64

# Recycling a worker cuts streams that run longer than the graceful time.
max_requests = 0

# Newer versions open a control socket in the home folder by default; older ones do not know this setting.
if any(setting.name == "control_socket_disable" for setting in gunicorn.config.KNOWN_SETTINGS):
    control_socket_disable = True
    __all__ += ["control_socket_disable"]


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001 (gunicorn passes it)
    """Remember a worker that has ended. The worker that replaces it marks the calls that it left open."""
    _ended.append((worker.pid, datetime.now(UTC)))


def mark_calls_of_ended_workers() -> None:
    """Mark the calls that ended workers left open as interrupted, which frees what they have reserved."""
    from threadless.db.connections import release_connections
    from threadless.usage.sweep import interrupt_process

    try:
        for process_id, ended_at in _ended:
            interrupt_process(process_id, ended_at)
    except Exception:  # a sweep marks them after their deadline
        logger.exception("The calls of ended workers could not be marked as interrupted.")
    finally:
        release_connections()


def post_worker_init(worker: Any) -> None:  # noqa: ARG001 (gunicorn passes it)
    """Prepare a worker.

    Load the routes, collect garbage less often, use a heap that can be returned to the system, and end running calls in
    time at a restart. With a thousand open streams, garbage collection took a seventh of the worker's time and found
    almost nothing. Under gevent, all callbacks that are due run in one round of its loop.
    """
    # Django is set up by now. With `preload_app` that happened before the worker had its signal handlers.
    from threadless.calls.running import end_calls
    from threadless.server import green
    from threadless.server.graceful import install_graceful_stop
    from threadless.server.heap import use_one_arena
    from threadless.server.routes import load_routes

    install_graceful_stop(end_calls)
    load_routes()
    use_one_arena()
    if green.is_patched():
        sys.setswitchinterval(_CALLBACK_SECONDS)
    if _ended:
        threading.Thread(target=mark_calls_of_ended_workers, name="threadless-ended", daemon=True).start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def write_error(sock: Any, status: int, reason: str, _message: str) -> None:
    """Answer a request that gunicorn itself refuses, such as an invalid Content-Length, in the API's error format."""
    status = 400 if status == 501 else status  # an unknown transfer coding is the client's fault
    kind, code = ("server_error", "internal_error") if status >= 500 else ("invalid_request_error", "invalid_value")
    text = f"The request could not be read: {reason}." if status < 500 else "The server had an error."
    body = json.dumps({"error": {"message": text, "type": kind, "param": None, "code": code}})
    lines = [f"HTTP/1.1 {status} {reason}", "Connection: close", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}", f"x-request-id: req_{uuid.uuid4().hex}", "", body]
    gunicorn.util.write_nonblock(sock, "\r\n".join(lines).encode())


# gunicorn answers with an HTML page and has no setting for it.
gunicorn.util.write_error = write_error
