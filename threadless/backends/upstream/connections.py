"""Connections to one upstream: opened by urllib3, kept here, and stoppable, so that a cancelled call ends at once.

urllib3 knows TLS, proxies and certificates. What its pool does besides (locks, a check that gevent makes slow, logs
with the upstream's address) is not wanted: idle connections wait on a stack.

A socket is handed to the call's `Lifetime` when it connects, before any header arrives, and again when it is used
again. It is shut down, not closed: closing a socket wakes nobody who is blocked in reading it.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import partial
from http.client import HTTPException
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError
from urllib3.util.proxy import connection_requires_http_tunnel

from threadless.backends.lifetime import Lifetime, current
from threadless.backends.upstream.addresses import addresses_of, forget
from threadless.exceptions import UpstreamUnavailable
from threadless.server import green

_ATTEMPTS = 2
"""Only a failed connect was provably not sent, so only that is tried again."""


class CancellableConnection:
    """Mixed into a urllib3 connection."""

    sock: Any
    host: str
    port: int
    timeout: Any
    socket_options: Any
    source_address: Any
    _dns_host: str
    _lifetime: Lifetime | None = None
    _stop: Callable[[], None]

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.attach()

    def _new_conn(self) -> Any:
        """urllib3's way to a socket, over addresses that are known already; raises its errors."""
        place = (self._dns_host, self.port)
        try:
            addresses = addresses_of(place)
        except (socket.gaierror, UnicodeError) as error:  # the latter for a name that can be none
            raise NameResolutionError(self.host, self, error) from error  # type: ignore[arg-type]
        failure: OSError = OSError("There is no address.")
        for family, address in addresses:
            try:
                return self._socket(family, address)
            except OSError as error:
                failure = error
        forget(place)
        kind = ConnectTimeoutError if isinstance(failure, TimeoutError) else NewConnectionError
        raise kind(self, "No connection could be made.") from failure  # type: ignore[arg-type]

    def _socket(self, family: int, address: Any) -> Any:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            for option in self.socket_options or ():
                sock.setsockopt(*option)
            sock.settimeout(self.timeout)
            if self.source_address:
                sock.bind(self.source_address)
            sock.connect(address)
        except OSError:
            sock.close()
            raise
        return sock

    def attach(self) -> None:
        """Let the running call's lifetime stop this connection."""
        lifetime = self._lifetime = current()
        if lifetime is not None:
            lifetime.sock = self.sock
            self._stop = partial(shut_down, self.sock)
            lifetime.on_cancel(self._stop)

    def detach(self) -> None:
        """The call is done with it, and must not stop it under the next one."""
        lifetime, self._lifetime = self._lifetime, None
        if lifetime is not None:
            lifetime.forget(self._stop)
            lifetime.sock = None


def shut_down(sock: Any) -> None:
    """Wake whoever waits on the socket: there is nothing more to come."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


class _PlainConnection(CancellableConnection, HTTPConnection):
    """To an upstream, or to a proxy that reads the request."""


class _TLSConnection(CancellableConnection, HTTPSConnection):
    """To an upstream, through a tunnel if there is a proxy."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


POOL_CLASSES = {"http": _PlainPool, "https": _TLSPool}
"""For `PoolManager.pool_classes_by_scheme`."""


class Connections:
    """The connections that a urllib3 pool describes; at most `most_idle` are kept while nobody uses them."""

    def __init__(self, pool: Any, *, connect_seconds: float, most_idle: int) -> None:
        self._pool = pool
        self._connect_seconds = connect_seconds
        self._idle: deque[Any] = deque(maxlen=most_idle)
        weakref.finalize(self, _close_all, self._idle)

    @property
    def has_tunnel(self) -> bool:
        """True if a proxy passes bytes on unread."""
        pool = self._pool
        return pool.proxy is not None and connection_requires_http_tunnel(pool.proxy, pool.proxy_config, pool.scheme)

    def take(self) -> Any:
        """A connection whose socket is open, attached to the running call; raises `UpstreamUnavailable`."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if connection.sock is not None and not _is_readable(connection.sock):
                connection.attach()
                return connection
            connection.close()
        return self._open()

    def give_back(self, connection: Any, *, is_reusable: bool) -> None:
        """Let go of it; another call may use it if this one has read all that was for it."""
        connection.detach()
        if is_reusable and len(self._idle) < (self._idle.maxlen or 0):
            self._idle.append(connection)
        else:
            connection.close()

    def _open(self, attempts: int = _ATTEMPTS) -> Any:
        with silence():
            connection = self._pool._new_conn()
            connection.timeout = self._connect_seconds
            try:
                self._connect(connection)
            except (HTTPError, HTTPException, OSError) as error:  # the standard library speaks to a tunnel's proxy
                self.give_back(connection, is_reusable=False)
                if attempts > 1 and isinstance(error, (ConnectTimeoutError, NewConnectionError)):
                    return self._open(attempts - 1)
                raise UpstreamUnavailable("The model could not be reached.") from None
        return connection

    def _connect(self, connection: Any) -> None:
        if self.has_tunnel:
            self._pool._prepare_proxy(connection)
        else:
            connection.connect()


def _close_all(connections: deque[Any]) -> None:
    while connections:
        connections.pop().close()


def _is_readable(sock: Any) -> bool:
    """True for an idle connection that the upstream has closed, or has sent something on that nobody asked for."""
    # The system's own: gevent's goes through its hub, for 40 µs, to look at a socket without waiting.
    poll = green.original("select", "poll")()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))


_is_silent: ContextVar[bool] = ContextVar("threadless_silent", default=False)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep urllib3 from logging the upstream's address while it connects."""
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
