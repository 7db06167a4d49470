"""Ends running calls when the server around us stops, so that their clients get an error and their rows are settled.

Servers announce the stop with SIGTERM. What they do then differs:

- gunicorn and uvicorn wait, and the object of their signal handler has the time. Shortly before it is over, calls end.
  If uvicorn waits without limit, no call is ended.
- Others would stop at once (waitress, runserver, daphne, a worker of hypercorn), or do not show how long they wait
  (granian). They get the signal when the calls have ended.
- Servers with a handler in asyncio's loop (hypercorn without workers) get the signal at once, and are treated like
  those that wait for ten seconds.
- mod_wsgi keeps signals from Python, and announces the stop to subscribers.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from threadless.conf import conf
from threadless.server import delayed
from threadless.server.process import reset_after_fork

MARGIN_SECONDS: Final = 5.0
"""Reserved from the server's waiting time to answer the clients and settle the rows."""
_UNKNOWN_PATIENCE: Final = 10.0
"""For servers that do not show how long they wait. After this time Docker kills a container by default."""


class EndCalls(Protocol):
    """`threadless.calls.running.end_calls`."""

    def __call__(self, timeout: float, *, after: float = 0) -> object: ...


_is_installed = False
is_installed_in_loop = False
"""True once `install_in_event_loop` has run, with or without success."""


def install_graceful_stop(end_calls: EndCalls) -> None:
    """Call `end_calls(timeout in seconds)` in time when the server stops. Safe to call twice, or without a server.

    gunicorn sets its signal handlers before it loads Django; uvicorn with one process does so afterwards. So this runs
    when Django is set up, and again in the event loop before the first call is opened there. Only the main thread can
    set a signal handler.
    """
    _install(end_calls, is_in_loop=False)


async def install_in_event_loop(end_calls: EndCalls) -> None:
    """`install_graceful_stop` in the event loop's thread, which is the main thread under ASGI servers."""
    global is_installed_in_loop
    _install(end_calls, is_in_loop=True)
    is_installed_in_loop = True


def _install(end_calls: EndCalls, *, is_in_loop: bool) -> None:
    global _is_installed
    if not _is_installed and threading.current_thread() is threading.main_thread():
        handler: Any = signal.getsignal(signal.SIGTERM)
        _is_installed = (
            _subscribe_to_mod_wsgi(end_calls)
            or _install_for_patient_server(handler, end_calls)
            or _install_for_hasty_server(handler, end_calls, is_in_loop=is_in_loop)
        )


def _subscribe_to_mod_wsgi(end_calls: EndCalls) -> bool:
    """mod_wsgi publishes the stop before it waits for requests, for five seconds by default."""
    subscribe = getattr(sys.modules.get("mod_wsgi"), "subscribe_shutdown", None)
    if subscribe is None:
        return False

    def end_now(_name: str, **_event: Any) -> None:
        end_calls(MARGIN_SECONDS / 2)

    subscribe(end_now)
    return True


def _install_for_patient_server(handler: Any, end_calls: EndCalls) -> bool:
    server = getattr(handler, "__self__", None)
    patience = _patience(handler)
    if not callable(handler) or patience is None:
        return False
    seconds = _seconds_for_calls(patience)

    def end_later() -> None:
        # Not `threading.Thread`: it waits until the thread has started. A signal handler must not wait under gevent.
        _thread.start_new_thread(_end_after, (seconds, end_calls))

    _chain(handler, end_later, signal.SIGTERM, signal.SIGINT)  # uvicorn handles both in the same way, gunicorn does not
    if (quick := getattr(server, "handle_quit", None)) is not None:  # gunicorn, which does not wait then

        def end_now() -> None:
            _thread.start_new_thread(_end_after, (0, end_calls))

        _chain(quick, end_now, signal.SIGQUIT, signal.SIGINT)
    if getattr(server, "should_exit", False):  # this uvicorn was stopped before we were installed
        end_later()
    return True


def _install_for_hasty_server(handler: Any, end_calls: EndCalls, *, is_in_loop: bool) -> bool:
    """Delay the stop of a server that would not wait, if this process is one."""
    is_server = is_in_loop or (handler is signal.SIG_DFL and _is_server_without_handler())
    is_known = _is_of_known_server(getattr(handler, "__self__", None))
    if not is_server or is_known or handler in (None, signal.SIG_IGN):
        return False
    seconds = _seconds_for_calls(_own_patience())
    delayed.delay_stop(handler, lambda: end_calls(MARGIN_SECONDS, after=seconds))
    return True


def _is_server_without_handler() -> bool:
    """True in a process of waitress or `runserver`, which leave SIGTERM to the system."""
    return "waitress" in sys.modules or (len(sys.argv) > 1 and sys.argv[1].startswith("runserver"))


def _chain(handler: Any, before: Callable[[], None], *numbers: int) -> None:
    """Run `before` each time before this signal handler."""

    def stop(number: int, frame: Any) -> None:
        before()
        handler(number, frame)

    for number in numbers:
        if signal.getsignal(number) == handler:
            signal.signal(number, stop)
            signal.siginterrupt(number, False)  # as gunicorn does


def _patience(handler: Any) -> float | None:
    """Seconds that the server of this handler waits for its requests to end. None without a limit."""
    server = getattr(handler, "__self__", None)
    if _is_of_loop(handler):
        return _own_patience()
    if not _is_of_known_server(server):
        return None
    gunicorn = getattr(getattr(server, "cfg", None), "graceful_timeout", None)
    uvicorn = getattr(getattr(server, "config", None), "timeout_graceful_shutdown", None)
    seconds = uvicorn if gunicorn is None else gunicorn
    if conf.graceful_seconds is not None:
        return conf.graceful_seconds
    return float(seconds) if isinstance(seconds, int | float) else None


def _own_patience() -> float:
    return _UNKNOWN_PATIENCE if conf.graceful_seconds is None else conf.graceful_seconds


def _is_of_known_server(server: Any) -> bool:
    """True for the objects of gunicorn and uvicorn."""
    return hasattr(server, "cfg") or hasattr(server, "config")


def _is_of_loop(handler: Any) -> bool:
    """True for the handler that `loop.add_signal_handler` sets. The loop learns of the signal in another way."""
    return getattr(handler, "__name__", "") == "_sighandler_noop"


def _seconds_for_calls(patience: float) -> float:
    return max(patience - MARGIN_SECONDS, patience / 2)


def _end_after(seconds: float, end_calls: EndCalls) -> None:
    time.sleep(seconds)
    end_calls(MARGIN_SECONDS)


@reset_after_fork
def _reset() -> None:
    global _is_installed, is_installed_in_loop
    _is_installed = is_installed_in_loop = False
