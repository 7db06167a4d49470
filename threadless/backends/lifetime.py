"""`Lifetime`: the deadline and the cancellation of one call.

A backend gets the lifetime of its call from `current()`. For `OpenAIBackend` it shuts the upstream's socket. A backend
without a socket can check `is_cancelled` between its steps, or register a function with `on_cancel`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from threadless.exceptions import APIError, Cancelled, UpstreamTimeout


class Lifetime:
    """Shared by the thread that runs a call and the threads that may cancel it. All methods are thread-safe."""

    def __init__(self, seconds: float) -> None:
        self.started_at = time.monotonic()
        self.deadline = self.started_at + seconds
        """In the time of `time.monotonic`."""
        self.is_cancelled = False
        self.failure: APIError | None = None
        """The reason of the cancellation; None if the client has gone."""
        self.is_finished = False
        self.has_asked = False
        """True once an upstream may have worked for the call."""
        self._stoppers: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return time.monotonic() - self.started_at

    @property
    def remaining(self) -> float:
        """Seconds until the deadline, at least a millisecond, so that it can be used as a socket timeout."""
        return max(self.deadline - time.monotonic(), 0.001)

    def cancel(self, failure: APIError | None = None) -> None:
        """End the call now, with this failure for the client if there is one. Further calls have no effect."""
        with self._lock:
            if self.is_cancelled:
                return
            self.failure = failure
            self.is_cancelled = True
            for stop in self._stoppers:
                stop()

    def check(self) -> None:
        """If the call is over, raise `Cancelled` or the failure that ended it."""
        if self.is_cancelled:
            raise self.failure or Cancelled
        if time.monotonic() >= self.deadline:
            raise UpstreamTimeout("The call exceeded its time limit.")

    def on_cancel(self, stop: Callable[[], None]) -> None:
        """Call `stop` when the call is cancelled, or now if it already is. `stop` must be quick and must not raise."""
        with self._lock:
            if not self.is_cancelled:
                self._stoppers.append(stop)
                return
        stop()

    def forget(self, stop: Callable[[], None]) -> None:
        """Remove a function that was passed to `on_cancel`. After this returns, it is neither called nor running."""
        with self._lock:
            if stop in self._stoppers:
                self._stoppers.remove(stop)

    def finish(self) -> None:
        """The call has ended: a later `cancel` calls no functions."""
        with self._lock:
            self.is_finished = True
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
    """The lifetime of the call that this thread runs; None outside a call, as in a host's own chats."""
    return _current.get()
