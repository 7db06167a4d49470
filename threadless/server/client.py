"""`Client`: what the server tells us about the client of a request."""

from __future__ import annotations

import contextlib
import io
import socket
from collections.abc import Callable, Iterator
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from threadless.exceptions import Cancelled
from threadless.server import timeouts
from threadless.server.asgi.connection import META_KEY, Connection
from threadless.server.sockets import client_socket
from threadless.server.watch import watch


class Client:
    """The client that sends a request and waits for its answer."""

    __slots__ = ("_connection", "_has_read_body", "_input", "is_async", "socket")

    def __init__(self, request: HttpRequest) -> None:
        self._connection: Connection | None = request.META.get(META_KEY)
        self._has_read_body = isinstance(request, ASGIRequest)
        self.is_async = self._has_read_body and self._connection is None
        """True under Django's own ASGI handler, which cancels the waiting task when the client leaves."""
        self.socket: Any = client_socket(request.META)
        """The client's socket under most WSGI servers; None under ASGI and where the server does not show it."""
        self._input = request.META.get("wsgi.input")

    def has_sent(self, size: int) -> bool:
        """True if this many bytes of the body have arrived, so that reading them does not wait. False if it is unknown.

        gunicorn buffers what arrived with the head; the kernel has the rest.
        """
        if size == 0 or self._has_read_body or isinstance(self._input, io.BytesIO):
            return True  # Django, our ASGI application or waitress has read the body completely
        if self.socket is None:
            return False
        buffer = getattr(getattr(getattr(self._input, "reader", None), "unreader", None), "buf", None)
        if buffer is None:
            return False
        buffered = len(buffer.getbuffer())
        return buffered >= size or buffered + _unread_bytes(self.socket) >= size

    def check(self) -> None:
        """Raise `Cancelled` if it is known that the client has left."""
        if self._connection is not None and self._connection.is_gone:
            raise Cancelled

    def watch(self, cancel: Callable[[], None]) -> Callable[[], None]:
        """Call `cancel` in another thread when the client leaves. Returns a function that stops watching."""
        if self._connection is not None:
            return self._connection.watch(cancel)
        return watch(self.socket, cancel)

    @contextlib.contextmanager
    def upload_deadline(self, seconds: float) -> Iterator[Callable[[], bool]]:
        """Within the block, stop receiving after `seconds`, up to a second late. Reads then see the end of the body.

        Yields a function that returns whether that has happened. Without a socket there is no deadline.
        """
        is_over = False

        def stop() -> None:
            nonlocal is_over
            is_over = True
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RD)

        if self.socket is not None:
            timeouts.call_later(stop, seconds)
        try:
            yield lambda: is_over
        finally:
            timeouts.cancel(stop)

    def drop_when_stalled(self, seconds: float) -> None:
        """Let the kernel close the connection if the client acknowledges nothing for this long. 0 means the default.

        Otherwise a client that stops reading could block a thread of the server in a write.
        """
        if self.socket is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            with contextlib.suppress(OSError):  # the socket is closed, or is not a TCP socket
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000))


def _unread_bytes(sock: Any) -> int:
    """The number of bytes that the kernel has received on this socket."""
    import fcntl  # not available on every system; gunicorn needs it too
    import struct
    import termios

    try:
        answer = fcntl.ioctl(sock.fileno(), termios.FIONREAD, struct.pack("i", 0))
    except (OSError, ValueError):
        return 0
    return int(struct.unpack("i", answer)[0])
