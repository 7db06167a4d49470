"""The running calls of this process, and how to end them when it stops."""

from __future__ import annotations

import threading
import time
from typing import Final, Protocol

from threadless.exceptions import APIError, UpstreamUnavailable, retry_headers
from threadless.server.process import ExitStage, at_exit, reset_after_fork

_EXIT_SECONDS: Final = 3.0
"""How long the exit of the process waits until the last calls are settled."""
_SENDING_SECONDS: Final = 0.2
"""Time for the threads of the server to send the errors. Nothing tells when they have."""


class Cancellable(Protocol):
    """The part of a call that this module uses."""

    def cancel(self, failure: APIError | None = None) -> None: ...


_running: set[Cancellable] = set()
"""Adding, discarding and copying are each atomic in CPython, so calls need no lock."""
_changed = threading.Condition()
_is_awaited = False
_is_over = False


def begin(call: Cancellable) -> None:
    """From now on the end of the process waits for this call, until `end`."""
    _running.add(call)
    if _is_over:
        call.cancel(_failure())


def end(call: Cancellable) -> None:
    """The call is settled."""
    _running.discard(call)
    if _is_awaited:
        with _changed:
            _changed.notify_all()


def end_calls(timeout: float, *, after: float = 0) -> bool:
    """End running and new calls with an error; False if some are unsettled after `timeout` seconds.

    First waits up to `after` seconds for calls that end on their own. For servers that
    `threadless.server.graceful` does not support, and for the end of a process.
    """
    global _is_over
    if after:
        wait_for_calls(after)
    _is_over = True
    ended = list(_running)
    for call in ended:
        call.cancel(_failure())
    is_settled = wait_for_calls(timeout)
    if ended:
        time.sleep(_SENDING_SECONDS)
    return is_settled


def wait_for_calls(timeout: float) -> bool:
    """Wait until every running call is settled; False if that took longer than `timeout` seconds."""
    global _is_awaited
    with _changed:
        _is_awaited = True  # set first, so that a call that ends from now on notifies
        return _changed.wait_for(lambda: not _running, timeout)


def _failure() -> APIError:
    return UpstreamUnavailable("The server is shutting down. Please try again.", headers=retry_headers(1))


@reset_after_fork
def _reset() -> None:
    global _changed, _is_over
    _changed = threading.Condition()
    _is_over = False
    _running.clear()


def _end_at_exit() -> None:
    end_calls(_EXIT_SECONDS)


at_exit(_end_at_exit, ExitStage.CALLS)
