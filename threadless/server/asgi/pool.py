"""`ThreadPool`: the threads in which requests run. A request keeps its thread while it waits for an upstream.

So the number of threads is the number of requests that may wait at once. Threads are started when they are needed, and
end when they have been idle for some time. The thread that became idle last is used first, so that others can end.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from threadless.conf import conf
from threadless.db.connections import release_connections
from threadless.exceptions import Overloaded
from threadless.server.process import reset_after_fork

Work = Callable[[], None]

_QUEUE_SHARE: Final = 10
"""For ten threads, one request may wait in the queue."""


class ThreadPool:
    """At most `ASGI_THREADS` threads and a short queue. All methods may be called in any thread."""

    def __init__(self, *, idle_seconds: float = 10.0) -> None:
        self.idle_seconds = idle_seconds
        self.reset()

    def reset(self) -> None:
        """In a fork: the threads are the parent's."""
        self._lock = threading.Lock()
        self._queue: deque[Work] = deque()
        self._idle: list[_PoolThread] = []
        self.size = 0
        """The number of threads, idle ones included."""

    def submit(self, work: Work) -> bool:
        """Run this, which must not raise, in a thread; False if it has to wait for one in the queue.

        Raises `Overloaded` if the queue is full.
        """
        with self._lock:
            if thread := self._free_thread():
                thread.take(work)
                return True
            if self.size == 0 or len(self._queue) >= max(conf.asgi_threads // _QUEUE_SHARE, 1):
                raise Overloaded
            self._queue.append(work)
            return False

    def submit_first(self, work: Work) -> None:
        """Like `submit`, but before all others in the queue and never refused: it ends a request."""
        with self._lock:
            if thread := self._free_thread():
                thread.take(work)
            else:
                self._queue.appendleft(work)

    def withdraw(self, work: Work) -> bool:
        """Take this out of the queue; False if a thread has taken it."""
        with self._lock:
            is_waiting = work in self._queue
            if is_waiting:
                self._queue.remove(work)
            return is_waiting

    def retire(self) -> None:
        """Let the idle threads end, and wait for that."""
        with self._lock:
            retired, self._idle = self._idle, []
        for thread in retired:
            thread.take(None)
        for thread in retired:
            thread.join()

    def _free_thread(self) -> _PoolThread | None:
        """One that is idle, or a new one; None if there can be no more."""
        if self._idle:
            return self._idle.pop()
        if self.size >= conf.asgi_threads:
            return None
        thread = _PoolThread(self)
        try:
            thread.start()
        except (RuntimeError, MemoryError):  # the process can have no more threads
            return None
        self.size += 1
        return thread

    def next_work(self, thread: _PoolThread) -> Work | None:
        """The next in the queue. Else None, and the thread counts as idle."""
        with self._lock:
            if self._queue:
                return self._queue.popleft()
            self._idle.append(thread)
            return None

    def may_end(self, thread: _PoolThread) -> bool:
        """True if this idle thread may end; False if it has just been given work."""
        with self._lock:
            is_idle = thread in self._idle
            if is_idle:
                self._idle.remove(thread)
            return is_idle

    def forget(self) -> None:
        """A thread ends."""
        with self._lock:
            self.size -= 1


class _PoolThread(threading.Thread):
    def __init__(self, pool: ThreadPool) -> None:
        super().__init__(name="threadless-asgi", daemon=True)
        self._pool = pool
        self._work: Work | None = None
        self._has_news = threading.Event()

    def take(self, work: Work | None) -> None:
        """What to do next; None to end."""
        self._work = work
        self._has_news.set()

    def run(self) -> None:
        try:
            while (work := self._wait()) is not None:
                self._has_news.clear()
                self._work = None
                while work is not None:
                    work()
                    work = None  # a request must not outlive its end here
                    release_connections(keep_files=True)
                    work = self._pool.next_work(self)
        finally:
            self._pool.forget()
            release_connections()

    def _wait(self) -> Work | None:
        if not self._has_news.wait(self._pool.idle_seconds) and not self._pool.may_end(self):
            self._has_news.wait()
        return self._work


pool: Final = ThreadPool()
reset_after_fork(pool.reset)
