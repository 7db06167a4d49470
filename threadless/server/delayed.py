"""Delays the stop of a server that would not wait for its requests."""

from __future__ import annotations

import _thread
import logging
import os
import signal
from collections.abc import Callable
from typing import Any

from threadless.server.process import run_exit_hooks

logger = logging.getLogger("threadless")


def delay_stop(handler: Any, end_calls: Callable[[], object]) -> None:
    """After SIGTERM, run `end_calls` in another thread, and then let the signal do what it did before.

    `handler` is the handler of the server, or `SIG_DFL`. A second signal stops the server at once.
    """

    def stop(number: int, _frame: Any) -> None:
        signal.signal(number, handler)
        _thread.start_new_thread(_end, (number, end_calls))

    signal.signal(signal.SIGTERM, stop)
    signal.siginterrupt(signal.SIGTERM, False)


def _end(number: int, end_calls: Callable[[], object]) -> None:
    try:
        end_calls()
        run_exit_hooks()  # Python does not run them for a process that ends by a signal
    except Exception:
        logger.exception("The calls of a stopping server could not be ended.")
    os.kill(os.getpid(), number)
