"""Runs asynchronous code of hosts and SDKs from synchronous calls.

All of it runs in one asyncio event loop per process, in a separate thread. So an asynchronous client keeps its
connections from one call to the next, which a loop per call would not allow, and gevent's hub is never blocked.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Final

from threadless.backends.lifetime import current
from threadless.exceptions import UpstreamError
from threadless.server.green import Signal, is_patched, start_native_thread
from threadless.server.process import reset_after_fork

_MAX_AHEAD: Final = 8
"""Items that are produced before the first is taken."""
_STOP_SECONDS: Final = 5.0


class _NativeExecutor(ThreadPoolExecutor):
    """Runs each job in a native thread. Under gevent, Python would wait at its exit for the greenlets of a pool."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def work() -> None:
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001  (raised again where the job is awaited)
                future.set_exception(error)
            else:
                future.set_result(result)

        start_native_thread(work)
        return future


class EventLoop:
    """The event loop of this process. It starts at its first use."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def reset(self) -> None:
        """Forget the loop. After a fork, its thread belongs to the parent."""
        self._loop, self._lock = None, threading.Lock()

    def run(self, awaitable: Awaitable[Any]) -> Any:
        """The result. If the call of this thread is cancelled, so is the awaitable."""

        async def once() -> AsyncIterator[Any]:
            yield await awaitable

        (result,) = self.iterate(once())
        return result

    def iterate(self, source: AsyncIterator[Any]) -> Iterator[Any]:
        """The items, which one task produces a little ahead. The task ends with this iterator or with the call."""
        pump = _Pump(self._started(), source)
        try:
            yield from pump.items()
        finally:
            pump.stop()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                ready, made = Signal(), []

                def serve() -> None:
                    loop = asyncio.new_event_loop()
                    if is_patched():
                        loop.set_default_executor(_NativeExecutor())
                    made.append(loop)
                    ready.set()
                    loop.run_forever()

                start_native_thread(serve)
                ready.wait()
                (self._loop,) = made
            return self._loop


class _Pump:
    """Moves items from a task of the event loop to the thread or greenlet of a call."""

    def __init__(self, loop: asyncio.AbstractEventLoop, source: AsyncIterator[Any]) -> None:
        self._loop, self._source = loop, source
        self._items: deque[Any] = deque()
        self._error: BaseException | None = None
        self._is_done = False
        self._news = Signal()
        self._room = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._lifetime = current()

    def items(self) -> Iterator[Any]:
        self._loop.call_soon_threadsafe(self._start, context=copy_context())
        if self._lifetime is not None:
            self._lifetime.on_cancel(self._cancel)
        while True:
            self._news.clear()
            is_done = self._is_done  # before the items: what arrives later is taken in the next round
            while self._items:
                yield self._items.popleft()
                self._loop.call_soon_threadsafe(self._room.set)
            if is_done:
                break
            self._news.wait()
        if self._error is not None:
            if self._lifetime is not None:
                self._lifetime.check()
            raise self._error

    def stop(self) -> None:
        """End the task and wait for that."""
        if self._lifetime is not None:
            self._lifetime.forget(self._cancel)
        self._cancel()
        while not self._is_done and self._news.wait(_STOP_SECONDS):
            self._news.clear()
        if self._is_done:  # otherwise the task may still use it
            self._news.close()

    def _cancel(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._cancel_task)

    def _cancel_task(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()

    def _start(self) -> None:
        self._task = self._loop.create_task(self._run())
        self._task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self._error = UpstreamError("The answer was cancelled.")
        else:
            self._error = task.exception()
        self._is_done = True
        self._news.set()

    async def _run(self) -> None:
        try:
            async for item in self._source:
                self._items.append(item)
                self._news.set()
                while len(self._items) >= _MAX_AHEAD:
                    self._room.clear()
                    await self._room.wait()
        finally:
            close = getattr(self._source, "aclose", None)
            if close is not None:
                await close()


event_loop: Final = EventLoop()
reset_after_fork(event_loop.reset)
