# ruff: noqa: N999  (the name that gunicorn gives its configuration)
"""Gunicorn for production: `gunicorn -c project/gunicorn.conf.py project.wsgi`. Command-line options win."""

import gc
import json
import os
import uuid

import gunicorn.config
import gunicorn.util

workers = int(os.environ.get("WEB_CONCURRENCY", "0")) or os.cpu_count() or 1

try:
    import gunicorn.workers.ggevent  # needs gevent, in some versions also the package `packaging`
except (ImportError, RuntimeError):
    # One thread per call: right for small installations. Calls beyond this number wait for a free thread.
    worker_class = "gthread"
    threads = 64
else:
    # One process per core, and a greenlet for each call: a thousand slow streams cost little more than their sockets.
    worker_class = "gevent"
    worker_connections = 2000

# A worker that does not report for this long is killed with all its streams. Gevent and gthread report while calls
# wait for an upstream, so only a truly stuck worker is hit.
timeout = 120
# At a restart, calls get this long to end. Three seconds before that, threadless ends the rest with an error.
graceful_timeout = 30
# Longer than the usual 60 seconds of balancers in front, which must never reuse a connection that we are closing.
keepalive = 75

# Oversized headers, such as an absurd key, reach the application and get an error in the API's own form.
limit_request_field_size = 65536
limit_request_fields = 1000


def write_error(sock, status, reason, _message):
    """What gunicorn refuses before any application sees it, such as a junk Content-Length, as all our errors look."""
    status = 400 if status == 501 else status  # an unknown transfer coding: the client's fault like the others
    kind, code = ("server_error", "internal_error") if status >= 500 else ("invalid_request_error", "invalid_value")
    text = f"The request could not be read: {reason}." if status < 500 else "The server had an error."
    body = json.dumps({"error": {"message": text, "type": kind, "param": None, "code": code}})
    lines = [f"HTTP/1.1 {status} {reason}", "Connection: close", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}", f"x-request-id: req_{uuid.uuid4().hex}", "", body]
    gunicorn.util.write_nonblock(sock, "\r\n".join(lines).encode())


# Gunicorn's own page is HTML, and it has no setting for it.
gunicorn.util.write_error = write_error


def post_worker_init(_worker):
    """Spare the collector what lives as long as the worker, and let it look less often.

    With a thousand streams open it took a seventh of the worker's time, to find next to nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


# Recycling workers would cut streams that run longer than the graceful time.
max_requests = 0

# Newer versions open a control socket in the home folder unless told otherwise; older ones refuse to be told.
if any(setting.name == "control_socket_disable" for setting in gunicorn.config.KNOWN_SETTINGS):
    control_socket_disable = True
