"""`ThreadPool`: the threads in which requests run. A request keeps its thread while it waits for an upstream.

So the number of threads limits the number of concurrent requests.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from threadless.conf import conf
from threadless.exceptions import Overloaded
from threadless.server.process import reset_after_fork
from threadless.server.threads import Thread, Threads, Work

_QUEUE_SHARE: Final = 10
"""One request may wait in the queue for every ten threads."""


class ThreadPool(Threads):
    """At most `ASGI_THREADS` threads and a short queue."""

    def __init__(self, *, idle_seconds: float = 10.0) -> None:
        super().__init__("threadless-asgi", idle_seconds=idle_seconds)

    def reset(self) -> None:
        super().reset()
        self._queue: deque[Work] = deque()
        self.size = 0
        """The number of threads, including idle ones."""

    def submit(self, work: Work) -> bool:
        """Run this, which must not raise, in a thread; False if it must wait in the queue.

        Raises `Overloaded` if the queue is full.
        """
        with self._lock:
            if self._has_taken(work):
                return True
            if self.size == 0 or len(self._queue) >= max(conf.asgi_threads // _QUEUE_SHARE, 1):
                raise Overloaded
            self._queue.append(work)
            return False

    def submit_first(self, work: Work) -> None:
        """Like `submit`, but ahead of the queue and never refused, because it ends a request."""
        with self._lock:
            if not self._has_taken(work):
                self._queue.appendleft(work)

    def withdraw(self, work: Work) -> bool:
        """Remove this from the queue; False if a thread has taken it."""
        with self._lock:
            is_waiting = work in self._queue
            if is_waiting:
                self._queue.remove(work)
            return is_waiting

    def _has_taken(self, work: Work) -> bool:
        """Give this to an idle thread or a new one; False if the limit is reached."""
        if self._idle:
            self._idle.pop().take(work)
            return True
        if self.size >= conf.asgi_threads:
            return False
        try:
            Thread(self, work).start()
        except (RuntimeError, MemoryError):  # the process can have no more threads
            return False
        self.size += 1
        return True

    def park(self, thread: Thread) -> bool:
        """The work of this thread is done. It takes the next item of the queue, or becomes idle if there is none."""
        with self._lock:
            if self._queue:
                thread.take(self._queue.popleft())
            else:
                self._idle.append(thread)
            return True

    def forget(self) -> None:
        with self._lock:
            self.size -= 1


pool: Final = ThreadPool()
reset_after_fork(pool.reset)
