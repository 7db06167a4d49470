"""`Threads`: threads (greenlets under gevent) that run work, and wait for more of it.

Threads are reused because of their database connections, not because threads are expensive (50 µs): opening an SQLite
file takes 0.65 ms, and closing its last connection 8 ms, because SQLite then writes its log back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from threadless.db.connections import release_connections

Work = Callable[[], None]


class Threads:
    """Runs work, which must not raise, in threads of this name. All methods may be called in any thread.

    At most `max_idle` threads (None: all) wait for more work, each for at most `idle_seconds`. The thread that became
    idle last is used first, so that others can end.
    """

    def __init__(self, name: str, *, max_idle: int | None = None, idle_seconds: float = 10.0) -> None:
        self.name = name
        self.max_idle = max_idle
        self.idle_seconds = idle_seconds
        self.reset()

    def reset(self) -> None:
        """Forget all threads. After a fork they belong to the parent."""
        self._lock = threading.Lock()
        self._idle: list[Thread] = []

    def run(self, work: Work) -> None:
        """Run `work` at once. Raises `RuntimeError` if the process cannot start more threads."""
        with self._lock:
            thread = self._idle.pop() if self._idle else None
        if thread is not None:
            thread.take(work)
        else:
            Thread(self, work).start()

    def retire(self) -> None:
        """End the idle threads and wait for their end."""
        with self._lock:
            retired, self._idle = self._idle, []
        for thread in retired:
            thread.take(None)
        for thread in retired:
            thread.join()

    def park(self, thread: Thread) -> bool:
        """Register a thread whose work is done as idle; False if there are enough of them."""
        with self._lock:
            has_room = self.max_idle is None or len(self._idle) < self.max_idle
            if has_room:
                self._idle.append(thread)
            return has_room

    def unpark(self, thread: Thread) -> bool:
        """Remove an idle thread; False if it was just taken and is about to get work."""
        with self._lock:
            is_idle = thread in self._idle
            if is_idle:
                self._idle.remove(thread)
            return is_idle

    def forget(self) -> None:
        """Called by each thread at its end."""


class Thread(threading.Thread):
    """One of them."""

    def __init__(self, threads: Threads, work: Work) -> None:
        super().__init__(name=threads.name, daemon=True)
        self._threads = threads
        self._work: Work | None = work
        self._has_work = threading.Event()

    def take(self, work: Work | None) -> None:
        """Set the next work; None ends the thread."""
        self._work = work
        self._has_work.set()

    def run(self) -> None:
        try:
            while (work := self._work) is not None:
                self._work = None
                work()
                del work  # otherwise a call and its text would stay in memory
                release_connections(keep_files=True)
                self._has_work.clear()
                if self._threads.park(self):
                    self._wait()
        finally:
            self._threads.forget()
            release_connections()

    def _wait(self) -> None:
        if not self._has_work.wait(self._threads.idle_seconds) and not self._threads.unpark(self):
            self._has_work.wait()
