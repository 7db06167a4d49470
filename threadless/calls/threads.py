"""The threads (greenlets under gevent) that run calls. A few idle threads wait for the next call.

Threads are reused because of their database connections, not because threads are expensive (50 µs): opening an SQLite
file takes 0.65 ms, and closing its last connection 8 ms, because SQLite then writes its log back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from threadless.db.connections import release_connections
from threadless.server.process import reset_after_fork

Work = Callable[[], None]


class CallThreads:
    """Runs work in threads of its own; at most `max_idle` of them wait for more, for `idle_seconds` at most."""

    def __init__(self, *, max_idle: int = 8, idle_seconds: float = 10.0) -> None:
        self.max_idle = max_idle
        self.idle_seconds = idle_seconds
        self._idle: list[_CallThread] = []
        self._lock = threading.Lock()

    def run(self, work: Work) -> None:
        """Run this, which must not raise; raises `RuntimeError` if the process can have no more threads."""
        with self._lock:
            thread = self._idle.pop() if self._idle else None
        if thread is not None:
            thread.take(work)
        else:
            _CallThread(self, work).start()

    def retire(self) -> None:
        """Let those that are idle end, and wait for it."""
        with self._lock:
            retired, self._idle = self._idle, []
        for thread in retired:
            thread.take(None)
        for thread in retired:
            thread.join()

    def reset(self) -> None:
        """In a fork: the threads are its parent's."""
        self._lock = threading.Lock()
        self._idle = []

    def park(self, thread: _CallThread) -> bool:
        """True if this thread may wait for work."""
        with self._lock:
            has_room = len(self._idle) < self.max_idle
            if has_room:
                self._idle.append(thread)
            return has_room

    def unpark(self, thread: _CallThread) -> bool:
        """True if this thread may end; else somebody has just taken it, and is about to say for what."""
        with self._lock:
            is_idle = thread in self._idle
            if is_idle:
                self._idle.remove(thread)
            return is_idle


class _CallThread(threading.Thread):
    def __init__(self, threads: CallThreads, work: Work) -> None:
        super().__init__(name="threadless-call", daemon=True)
        self._threads = threads
        self._work: Work | None = work
        self._has_work = threading.Event()

    def take(self, work: Work | None) -> None:
        """What to do next; None for nothing more."""
        self._work = work
        self._has_work.set()

    def run(self) -> None:
        try:
            while (work := self._work) is not None:
                self._work = None
                work()
                del work  # a call and its texts must not outlive their end here
                release_connections(keep_files=True)
                self._has_work.clear()
                if self._threads.park(self):
                    self._wait()
        finally:
            release_connections()

    def _wait(self) -> None:
        if not self._has_work.wait(self._threads.idle_seconds) and not self._threads.unpark(self):
            self._has_work.wait()


threads: Final = CallThreads()
reset_after_fork(threads.reset)
