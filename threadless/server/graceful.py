"""Ends running calls when the server around us stops.

Calls continue for as long as the server waits for them. Shortly before the server would cut them, they end with an
error that their clients can read, and are settled. gunicorn and uvicorn announce the stop with SIGTERM, and the object
of their handler has the time that they wait. If a server waits without limit, no call is ended.
"""

from __future__ import annotations

import _thread
import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from threadless.conf import conf
from threadless.server.process import reset_after_fork

logger = logging.getLogger("threadless")

MARGIN_SECONDS: Final = 5.0
"""Reserved from the server's waiting time to answer the clients and settle the rows."""

EndCalls = Callable[[float], object]

_is_installed = False
is_installed_in_loop = False
"""True once `install_in_event_loop` has run, with or without success."""


def install_graceful_stop(end_calls: EndCalls) -> None:
    """Call `end_calls(timeout in seconds)` in time when the server stops. Safe to call twice, or without a server.

    gunicorn sets its signal handlers before it loads Django; uvicorn with one process does so afterwards. So this runs
    when Django is set up, and again in the event loop before the first call is opened there. Only the main thread can
    set a signal handler.
    """
    global _is_installed
    if _is_installed or threading.current_thread() is not threading.main_thread():
        return
    handler: Any = signal.getsignal(signal.SIGTERM)
    server = getattr(handler, "__self__", None)
    patience = _patience(server)
    if not callable(handler) or patience is None:
        return
    _is_installed = True
    seconds = max(patience - MARGIN_SECONDS, patience / 2)

    def end_later() -> None:
        # Not `threading.Thread`: it waits until the thread has started. A signal handler must not wait under gevent.
        _thread.start_new_thread(_end_after, (seconds, end_calls))

    _chain(handler, end_later)
    if getattr(server, "should_exit", False):  # this uvicorn was stopped before we were installed
        end_later()


async def install_in_event_loop(end_calls: EndCalls) -> None:
    """`install_graceful_stop` in the event loop's thread, which is the main thread under ASGI servers."""
    global is_installed_in_loop
    install_graceful_stop(end_calls)
    is_installed_in_loop = True


def _chain(handler: Callable[[int, Any], Any], before: Callable[[], None]) -> None:
    """Run `before` each time before this signal handler."""

    def stop(number: int, frame: Any) -> None:
        before()
        handler(number, frame)

    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn handles both in the same way, gunicorn does not
        if signal.getsignal(number) == handler:
            signal.signal(number, stop)
            signal.siginterrupt(number, False)  # as gunicorn does


def _patience(server: Any) -> float | None:
    """Seconds that this server waits for its requests to end; None if they are not known."""
    if server is not None and conf.graceful_seconds is not None:
        return conf.graceful_seconds
    gunicorn = getattr(getattr(server, "cfg", None), "graceful_timeout", None)
    uvicorn = getattr(getattr(server, "config", None), "timeout_graceful_shutdown", None)
    seconds = uvicorn if gunicorn is None else gunicorn
    return float(seconds) if isinstance(seconds, int | float) else None


def _end_after(seconds: float, end_calls: EndCalls) -> None:
    time.sleep(seconds)
    end_calls(MARGIN_SECONDS)


@reset_after_fork
def _reset() -> None:
    global _is_installed, is_installed_in_loop
    _is_installed = is_installed_in_loop = False
