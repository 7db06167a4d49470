"""gevent, if the server uses it. Threads, locks and sockets are then greenlets of one event loop (the hub)."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Any


def is_patched() -> bool:
    """True if gevent has replaced `threading` in this process."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


@cache
def original(module: str, name: str) -> Any:
    """An attribute of a standard module as it was before gevent patched it."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None:
        return getattr(importlib.import_module(module), name)
    return monkey.get_original(module, name)


def when_readable(descriptor: int, callback: Callable[[], None]) -> Any:
    """Run `callback` in a new greenlet each time the descriptor is readable.

    Returns the hub's watcher, which stops when it is garbage-collected.
    """
    gevent: Any = importlib.import_module("gevent")
    readable = 1
    watcher = gevent.get_hub().loop.io(descriptor, readable)
    watcher.start(lambda: gevent.spawn_raw(callback))
    return watcher


def wait_readable(sock: Any) -> bool:
    """Wait until `recv` has something to return; False at once if this is no socket of gevent.

    `recv` of gevent first tries to read. If nothing has arrived, that costs a system call and an exception, 4 µs.
    The timeout of the socket is ignored. Raises `OSError` if the socket is shut down or closed meanwhile.
    """
    event = getattr(sock, "_read_event", None)
    if event is not None and not (hasattr(sock, "pending") and sock.pending()):  # TLS may have read data before
        sock.hub.wait(event)
    return event is not None


def start_native_thread(target: Callable[[], None]) -> None:
    """Run `target` in a thread of the system, also where gevent has replaced threads by greenlets."""

    def run() -> None:
        try:
            target()
        finally:
            if is_patched():  # code that waits has made a hub for this thread
                gevent: Any = importlib.import_module("gevent")
                gevent.get_hub().destroy(destroy_loop=True)

    original("_thread", "start_new_thread")(run, ())


class Signal:
    """An event that any native thread may set, and for which one thread or greenlet waits."""

    def __init__(self) -> None:
        event: Any = threading.Event()
        self.wait, self.clear = event.wait, event.clear
        self._set: Callable[[], Any] = event.set
        self._lock = original("_thread", "allocate_lock")()
        self._watcher: Any = None
        if is_patched():
            gevent: Any = importlib.import_module("gevent")
            self._watcher = gevent.get_hub().loop.async_()
            self._watcher.start(event.set)
            self._set = self._watcher.send  # the only call that may come from another native thread

    def set(self) -> None:
        """Wake the waiting side. Does nothing once the signal is closed."""
        with self._lock:
            self._set()

    def close(self) -> None:
        """Give the hub its watcher back."""
        with self._lock:
            self._set = bool
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
