"""One connection to an upstream: TCP, proxy tunnel and TLS within one time limit.

While a call uses a connection, the call's `Lifetime` can end it at any moment, also while it connects. The socket is
then shut down instead of closed, because closing does not wake a thread that is reading from it.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any, Final

from threadless.backends import lifetime
from threadless.backends.upstream.addresses import Address, Peer
from threadless.backends.upstream.parser import ProtocolError, ResponseParser
from threadless.server import green

_TUNNEL_HEAD_BYTES: Final = 65536
_LATE: Final = b"HTTP/1.1 408"
"""Some servers say this before they close an idle connection."""


class State(Enum):
    """The state of a connection. It serves one call at a time."""

    NEW = auto()
    ACTIVE = auto()
    IDLE = auto()
    CLOSED = auto()


class ConnectError(Exception):
    """There is no TCP connection, so nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How to reach an upstream."""

    peer: Peer
    """The upstream or the proxy."""
    hostname: str
    """The upstream's name for TLS."""
    tls: ssl.SSLContext | None = None
    tunnel: bytes = b""
    """The `CONNECT` request that opens a tunnel; empty without one."""


class Connection:
    """A connection over a route. Not safe for use by two threads at once, except that a `Lifetime` may shut it down."""

    def __init__(self, route: Route) -> None:
        self.state = State.NEW
        self.sock: Any = None
        self.idle_since = 0.0
        """By the monotonic clock; 0 before its first call has ended."""
        self.has_surplus = False
        """True if bytes arrived that belong to no call."""
        self._route = route
        self._lifetime: lifetime.Lifetime | None = None
        self._stop: Callable[[], None]

    def open(self, seconds: float) -> None:
        """Connect within `seconds`, without the name lookup, and attach to the running call.

        Raises `ConnectError` if nothing was sent, and `OSError` or `ProtocolError` for a failed tunnel or handshake.
        """
        try:
            addresses = self._route.peer.addresses()
        except (OSError, UnicodeError):
            raise ConnectError from None
        deadline = time.monotonic() + seconds
        self._connect_to_any(addresses, deadline)
        if self._route.tunnel:
            self._open_tunnel(deadline)
        if self._route.tls is not None:
            self._start_tls(self._route.tls, deadline)
        self.state = State.ACTIVE

    def resume(self) -> bool:
        """Attach an idle connection to the running call. False if it can no longer be used; it is closed then."""
        if self.is_readable():
            received = self._receive_at_once()
            self.has_surplus = received != b"" and received != _LATE
            self.close()
            return False
        self._attach()
        self.state = State.ACTIVE
        return True

    def pause(self, now: float) -> None:
        """Detach from the running call and wait for the next one."""
        self._detach()
        self.idle_since = now
        self.state = State.IDLE

    def close(self) -> None:
        """Detach from the running call and close the socket."""
        self._detach()
        if self.sock is not None:
            self.sock.close()
        self.state = State.CLOSED

    def shut_down(self) -> None:
        """Wake the thread that waits on the socket. It then reads an end or an error."""
        shut_down(self.sock)

    def is_readable(self) -> bool:
        """True if data has arrived or the peer has closed the connection."""
        # gevent's own `poll` takes 40 µs to look at a socket without waiting.
        poll = green.original("select", "poll")()
        poll.register(self.sock.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def _receive_at_once(self) -> bytes:
        """A few bytes of what has arrived; empty if the peer has closed the connection."""
        self.sock.settimeout(0)
        try:
            data: bytes = self.sock.recv(len(_LATE))
        except OSError:
            return b""
        return data

    def _connect_to_any(self, addresses: list[Address], deadline: float) -> None:
        for index, (family, address) in enumerate(addresses):
            share = (deadline - time.monotonic()) / (len(addresses) - index)
            try:
                self._connect(family, address, max(share, 0.001))
            except OSError:
                continue
            return
        self._route.peer.forget()
        raise ConnectError

    def _connect(self, family: int, address: Any, seconds: float) -> None:
        self.close()  # that of the address before
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(seconds)
        self._attach()
        if self._lifetime is not None and self._lifetime.is_cancelled:
            raise ConnectionAbortedError  # a socket that was shut down before it connected would still connect
        self.sock.connect(address)

    def _open_tunnel(self, deadline: float) -> None:
        parser = ResponseParser(max_head_bytes=_TUNNEL_HEAD_BYTES, max_interim=1)
        self._wait(select.POLLOUT, deadline)
        self.sock.sendall(self._route.tunnel)
        while not parser.status:
            self._wait(select.POLLIN, deadline)
            data = self.sock.recv(_TUNNEL_HEAD_BYTES)
            if parser.feed(data) or not data:
                raise ProtocolError("The proxy sent an invalid response.")
        parser.close()
        if not 200 <= parser.status < 300:
            raise ProtocolError("The proxy refused the tunnel.")

    def _start_tls(self, context: ssl.SSLContext, deadline: float) -> None:
        plain = self.sock
        plain.settimeout(0)
        self._detach()  # `wrap_socket` takes over the descriptor of the plain socket
        self.sock = context.wrap_socket(plain, server_hostname=self._route.hostname, do_handshake_on_connect=False)
        self._attach()
        while True:
            try:
                self.sock.do_handshake()
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN, deadline)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, deadline)
            else:
                return

    def _wait(self, event: int, deadline: float) -> None:
        """Wait for the socket. A timeout of the socket itself would restart with every byte."""
        poll = select.poll()
        poll.register(self.sock.fileno(), event)
        if not poll.poll(max(deadline - time.monotonic(), 0) * 1000):
            raise TimeoutError

    def _attach(self) -> None:
        current = self._lifetime = lifetime.current()
        if current is not None:
            self._stop = partial(shut_down, self.sock)
            current.on_cancel(self._stop)

    def _detach(self) -> None:
        current, self._lifetime = self._lifetime, None
        if current is not None:
            current.forget(self._stop)


def shut_down(sock: Any) -> None:
    """Shut a socket down in both directions. Never raises."""
    with contextlib.suppress(OSError):
        # The method of `SSLSocket` also discards its TLS object, which another thread may be using.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
