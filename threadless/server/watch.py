"""Notices that a client has hung up while its call runs.

Under WSGI servers that show the client's socket, epoll watches it. Under ASGI, the server or Django tells us. Otherwise
a write fails, which is the second or third ping at the latest.
"""

from __future__ import annotations

import contextlib
import logging
import select
import threading
from collections.abc import Callable
from typing import Any

from threadless.server import green
from threadless.server.process import reset_after_fork

logger = logging.getLogger("threadless")

Cancel = Callable[[], None]


def watch(sock: Any, cancel: Cancel) -> Callable[[], None]:
    """Call `cancel` as soon as the peer of this socket hangs up; returns a function that stops watching.

    `cancel` runs in another thread. With no socket, or without epoll, nothing is watched.
    """
    if sock is None or not hasattr(select, "EPOLLRDHUP"):
        return _do_nothing
    descriptor = sock.fileno()
    if descriptor < 0:  # the server has already closed it
        cancel()
        return _do_nothing
    watcher = _get_watcher()
    watcher.add(descriptor, cancel)
    return lambda: watcher.discard(descriptor, cancel)


def _do_nothing() -> None:
    pass


class _Watcher:
    """One epoll set per process. `EPOLLONESHOT`, because an event that stays ready would make the loop spin."""

    _EVENTS = getattr(select, "EPOLLRDHUP", 0) | getattr(select, "EPOLLONESHOT", 0)

    def __init__(self, epoll: Any) -> None:
        self._epoll = epoll
        self._watched: dict[int, Cancel] = {}
        self._lock = threading.Lock()
        """A cancelled call may end while the next call on its descriptor begins."""

    def add(self, descriptor: int, cancel: Cancel) -> None:
        with self._lock:
            self._watched[descriptor] = cancel
            try:
                self._epoll.register(descriptor, self._EVENTS)
            except FileExistsError:
                self._epoll.modify(descriptor, self._EVENTS)

    def discard(self, descriptor: int, cancel: Cancel) -> None:
        """Stop watching, unless the descriptor already belongs to another connection."""
        with self._lock:
            if self._watched.get(descriptor) == cancel:
                del self._watched[descriptor]
                with contextlib.suppress(OSError, ValueError):  # epoll forgets a closed descriptor
                    self._epoll.unregister(descriptor)

    def cancel_ready(self, timeout: float | None) -> None:
        for descriptor, _ in self._epoll.poll(timeout):
            if (cancel := self._watched.get(descriptor)) is not None:
                _run(cancel)


def _run(cancel: Cancel) -> None:
    try:
        cancel()
    except Exception:  # a host's `on_cancel` must not stop the watcher for all other calls
        logger.exception("A call could not be cancelled completely.")


_watcher: _Watcher | None = None
_lock = threading.Lock()


def _get_watcher() -> _Watcher:
    """The watcher of this process, created when it is first needed, so never before a fork."""
    global _watcher
    with _lock:
        if _watcher is None:
            _watcher = _green_watcher() if green.is_patched() else _thread_watcher()
        return _watcher


@reset_after_fork
def _reset() -> None:
    global _watcher, _lock
    _watcher, _lock = None, threading.Lock()


def _thread_watcher() -> _Watcher:
    watcher = _Watcher(select.epoll())

    def run() -> None:
        while True:
            watcher.cancel_ready(None)

    threading.Thread(target=run, name="threadless-watcher", daemon=True).start()
    return watcher


def _green_watcher() -> _Watcher:
    """gevent removes `select.epoll`, because it would block the hub. Here the hub waits for the epoll set."""
    epoll = green.original("select", "epoll")()
    watcher = _Watcher(epoll)
    watcher.io = green.when_readable(epoll.fileno(), lambda: watcher.cancel_ready(0))  # type: ignore[attr-defined]  # kept alive
    return watcher
