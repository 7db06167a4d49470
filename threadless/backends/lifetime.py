"""`Lifetime`: how long one call may live, until it is cancelled or its deadline comes.

A backend finds the one of its call with `current()`. `OpenAIBackend` lets it shut the upstream's socket; a backend
without a socket may look at `is_cancelled` between its steps, or hand in its own way to stop with `on_cancel`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from threadless.exceptions import APIError, Cancelled, UpstreamTimeout


class Lifetime:
    """Shared by the thread that runs a call and whoever may end it early. All methods are safe from any thread."""

    def __init__(self, seconds: float) -> None:
        self.started_at = time.monotonic()
        self.deadline = self.started_at + seconds
        """Clock of `time.monotonic`."""
        self.is_cancelled = False
        self.failure: APIError | None = None
        """Why the call was cancelled, if not because its client has gone."""
        self._stoppers: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return time.monotonic() - self.started_at

    @property
    def remaining(self) -> float:
        """Seconds to the deadline, never below a millisecond, so that it serves as a socket time-out."""
        return max(self.deadline - time.monotonic(), 0.001)

    def cancel(self, failure: APIError | None = None) -> None:
        """End the call now, with this failure if somebody is still there to be told; only the first call counts."""
        with self._lock:
            if self.is_cancelled:
                return
            self.failure = failure
            self.is_cancelled = True
            for stop in self._stoppers:
                stop()

    def check(self) -> None:
        """Raise `Cancelled`, or the failure that ended the call, if it is over."""
        if self.is_cancelled:
            raise self.failure or Cancelled
        if time.monotonic() >= self.deadline:
            raise UpstreamTimeout("The call took longer than it may.")

    def on_cancel(self, stop: Callable[[], None]) -> None:
        """Have `stop` called when the call is cancelled; at once if it is already. It must be quick and never raise."""
        with self._lock:
            if not self.is_cancelled:
                self._stoppers.append(stop)
                return
        stop()

    def forget(self, stop: Callable[[], None]) -> None:
        """Take back what `on_cancel` was given; afterwards it is not called any more, nor still running."""
        with self._lock:
            if stop in self._stoppers:
                self._stoppers.remove(stop)

    def finish(self) -> None:
        """The call is over by itself: a later `cancel` stops nothing."""
        with self._lock:
            self._stoppers.clear()

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make this the `current()` lifetime of the running thread or greenlet."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


_current: ContextVar[Lifetime | None] = ContextVar("threadless_lifetime", default=None)


def current() -> Lifetime | None:
    """The lifetime of the call that this thread works for; None outside one, as in a host's own chats."""
    return _current.get()
