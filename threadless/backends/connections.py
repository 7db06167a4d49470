"""urllib3 connections that hand their socket to the call's `Lifetime`, so that a cancelled call ends at once.

The socket is handed over when it connects, before any header arrives, and again when a pooled connection is used
again. It is shut down, not closed: closing a socket wakes nobody who is blocked in reading it.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import partial
from typing import Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from threadless.backends.lifetime import Lifetime, current

_ONE_WRITE_BYTES: Final = 65536
"""Up to here a copy costs less than a second write."""


class _Stoppable:
    """Mixed into a connection."""

    sock: Any
    between_chunks_seconds: float
    _lifetime: Lifetime | None = None
    _stop: Callable[[], None]
    _gathered: list[bytes] | None = None

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._hand_over()

    def request(self, *args: Any, **kwargs: Any) -> None:
        # The call that used this connection before must not stop the one that uses it now.
        self._take_back()
        if self.sock is not None:
            self._hand_over()
        gathered = self._gathered = []
        try:
            super().request(*args, **kwargs)  # type: ignore[misc]
        finally:
            self._gathered = None
        is_small = sum(map(len, gathered)) <= _ONE_WRITE_BYTES
        for data in [b"".join(gathered)] if is_small else gathered:
            super().send(data)  # type: ignore[misc]

    def send(self, data: Any) -> None:
        # http.client writes head and body apart: two system calls here, two segments, and two reads there.
        if self._gathered is not None and isinstance(data, bytes):
            self._gathered.append(data)
        else:
            super().send(data)  # type: ignore[misc]

    def getresponse(self) -> Any:
        # With `Connection: close` the connection lets go of its socket here, while the response still reads from it.
        sock = self.sock
        response = super().getresponse()  # type: ignore[misc]
        remaining = self._lifetime.remaining if self._lifetime else self.between_chunks_seconds
        sock.settimeout(min(self.between_chunks_seconds, remaining))
        return response

    def _hand_over(self) -> None:
        lifetime = self._lifetime = current()
        if lifetime is not None:
            lifetime.sock = self.sock
            self._stop = partial(_shut_down, self.sock)
            lifetime.on_cancel(self._stop)

    def _take_back(self) -> None:
        lifetime, self._lifetime = self._lifetime, None
        if lifetime is not None:
            lifetime.forget(self._stop)


def _shut_down(sock: Any) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


class _QuietPool:
    """Mixed into a pool. urllib3 would log the upstream's host when it throws a surplus connection away."""

    pool: Any

    def _put_conn(self, conn: Any) -> None:
        if conn is not None and self.pool is not None and self.pool.full():
            conn.close()
            return
        super()._put_conn(conn)  # type: ignore[misc]


_is_silent: ContextVar[bool] = ContextVar("threadless_silent", default=False)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep urllib3 from logging the upstream's address while a request is sent."""
    token = _is_silent.set(True)
    try:
        yield
    finally:
        _is_silent.reset(token)


class _SilenceFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not _is_silent.get()


for _name in ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_SilenceFilter())


def pool_classes(between_chunks_seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    """For `PoolManager.pool_classes_by_scheme`: first-byte and between-chunk time-outs differ, and urllib3 has one."""
    attributes = {"between_chunks_seconds": between_chunks_seconds}
    plain = type("StoppableHTTPConnection", (_Stoppable, HTTPConnection), attributes)
    tls = type("StoppableHTTPSConnection", (_Stoppable, HTTPSConnection), attributes)
    return {
        "http": type("StoppableHTTPPool", (_QuietPool, HTTPConnectionPool), {"ConnectionCls": plain}),
        "https": type("StoppableHTTPSPool", (_QuietPool, HTTPSConnectionPool), {"ConnectionCls": tls}),
    }
