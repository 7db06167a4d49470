"""What becomes of running calls when their server stops.

They go on for as long as the server lets them. Shortly before it would cut them they end with an error that their
clients can read, and are settled. gunicorn and uvicorn say by SIGTERM that they stop, and how long they wait stands
in their own handler's object, so that a host has nothing to set. A server that waits for ever is left to do so.
"""

from __future__ import annotations

import _thread
import atexit
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from threadless.exceptions import APIError, UpstreamUnavailable
from threadless.usage import late  # noqa: F401  (its exit hook must be registered before ours, so as to run after it)

_MARGIN_SECONDS: Final = 5.0
"""Taken from the server's patience to tell the clients and to settle the rows."""
_EXIT_SECONDS: Final = 3.0
"""How long the end of the process may wait for the last calls to be settled."""


class Cancellable(Protocol):
    """A call, as far as it concerns this module."""

    def cancel(self, failure: APIError | None = None) -> None: ...


_running: set[Cancellable] = set()
"""Adding, discarding and copying are each one step of the interpreter, so that no call waits for a lock here."""
_changed = threading.Condition()
_is_awaited = False
_is_over = False
_is_following = False
is_loop_followed = False
"""True once `follow_event_loop` has run, whatever it found."""


@contextmanager
def running(call: Cancellable) -> Iterator[None]:
    """Around all that the owner of a call does, the settlement included."""
    _running.add(call)
    if _is_over:
        call.cancel(_failure())
    try:
        yield
    finally:
        _running.discard(call)
        if _is_awaited:
            with _changed:
                _changed.notify_all()


def end_calls(timeout: float) -> bool:
    """End the running calls, and any that still begins, with an error; False if some are unsettled after `timeout`.

    For servers that this module does not know, and for the end of a process.
    """
    global _is_over
    _is_over = True
    for call in list(_running):
        call.cancel(_failure())
    return wait_for_calls(timeout)


def wait_for_calls(timeout: float) -> bool:
    """Wait until every running call is settled; False if that took longer than `timeout` seconds."""
    global _is_awaited
    with _changed:
        _is_awaited = True  # before the look at the calls: one that ends after it tells
        return _changed.wait_for(lambda: not _running, timeout)


def _failure() -> APIError:
    return UpstreamUnavailable("The server is shutting down. Please try again.", headers={"Retry-After": "1"})


def follow_server() -> None:
    """End the calls in time when the server around us is told to stop. Costs nothing where there is none, or twice.

    gunicorn listens to signals before it loads Django, a uvicorn of one process only after that: hence this is asked
    when Django is set up, and again in the event loop, before the first call there is open. Other threads cannot set
    a signal's handler.
    """
    global _is_following
    if _is_following or threading.current_thread() is not threading.main_thread():
        return
    told: Any = signal.getsignal(signal.SIGTERM)
    server = getattr(told, "__self__", None)
    patience = _patience(server)
    if not callable(told) or patience is None:
        return
    _is_following = True
    seconds = max(patience - _MARGIN_SECONDS, patience / 2)

    def stop(number: int, frame: Any) -> None:
        # Not `threading.Thread`: it waits for the thread to start, which a signal handler under gevent must not.
        _thread.start_new_thread(_end_after, (seconds,))
        told(number, frame)

    for number in (signal.SIGTERM, signal.SIGINT):  # to uvicorn both say the same, to gunicorn they do not
        if signal.getsignal(number) == told:
            signal.signal(number, stop)
            signal.siginterrupt(number, False)  # as gunicorn has it
    if getattr(server, "should_exit", False):  # a uvicorn that was told before we listened
        _thread.start_new_thread(_end_after, (seconds,))


async def follow_event_loop() -> None:
    """`follow_server` in the event loop, whose thread may set a signal's handler; the first call asks for it."""
    global is_loop_followed
    follow_server()
    is_loop_followed = True


def _patience(server: Any) -> float | None:
    """Seconds that a gunicorn worker or a uvicorn server waits for its requests to end; None for anything else."""
    gunicorn = getattr(getattr(server, "cfg", None), "graceful_timeout", None)
    uvicorn = getattr(getattr(server, "config", None), "timeout_graceful_shutdown", None)
    seconds = uvicorn if gunicorn is None else gunicorn
    return float(seconds) if isinstance(seconds, int | float) else None


def _end_after(seconds: float) -> None:
    time.sleep(seconds)
    end_calls(_MARGIN_SECONDS)


def _at_exit() -> None:
    end_calls(_EXIT_SECONDS)


def _start_afresh() -> None:
    """In a fork: the calls are its parent's."""
    global _changed, _is_over, _is_following, is_loop_followed
    _changed = threading.Condition()
    _is_over = _is_following = is_loop_followed = False
    _running.clear()


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_start_afresh)
