"""`Connection`: the client of one request, and the body that it sends."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from threadless.conf import conf
from threadless.exceptions import RequestTimeout
from threadless.server.memory import Reservation

logger = logging.getLogger("threadless")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

META_KEY: Final = "threadless.connection"
"""The key of the connection in `request.META`."""


class ClientDisconnected(Exception):
    """The client has closed its connection before its request was complete."""


class Connection:
    """Watches the client of a request, and cancels its call when the client leaves."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self.is_gone = False
        self.has_whole_body = False

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call this when the client leaves, at once if it has left. Returns a function that stops watching."""
        with self._lock:
            if not self.is_gone:
                self._callbacks.append(callback)
                return lambda: self._forget(callback)
        callback()
        return lambda: None

    def leave(self) -> None:
        """The client has left."""
        with self._lock:
            self.is_gone = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            try:
                callback()
            except Exception:  # a host's `on_cancel` must not stop the server's task
                logger.exception("A call could not be cancelled completely.")

    async def listen(self) -> None:
        """Wait until the client leaves. Only after the body is complete: earlier messages are parts of it."""
        while self.has_whole_body and (await self._receive())["type"] != "http.disconnect":
            pass
        if self.has_whole_body:
            self.leave()

    async def read_body(self, scope: Scope, reservation: Reservation) -> bytes:
        """Read the body of the request without a thread.

        A body over `MAX_BODY_BYTES` is read to that limit, and not at all if its size is announced: the view refuses
        it. Raises `Overloaded` if the process holds too many bytes, `RequestTimeout` after `BODY_SECONDS`, and
        `ClientDisconnected` if the client breaks off.
        """
        length = _announced_length(scope)
        if length > conf.max_body_bytes:
            return b""
        reservation.add(length)
        try:
            async with asyncio.timeout(conf.body_seconds):
                return await self._read_pieces(reservation, length)
        except TimeoutError:
            # Over HTTP/2 a connection has other requests, and no such header.
            headers = {"Connection": "close"} if scope["http_version"].startswith("1") else {}
            message = f"The request body did not arrive within {conf.body_seconds:g} seconds."
            raise RequestTimeout(message, headers=headers) from None

    async def _read_pieces(self, reservation: Reservation, reserved: int) -> bytes:
        pieces, size = [], 0
        while not self.has_whole_body and size <= conf.max_body_bytes:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            piece = message.get("body", b"")
            self.has_whole_body = not message.get("more_body", False)
            size += len(piece)
            pieces.append(piece)
            if size > reserved:
                reservation.add(size - reserved)
                reserved = size
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _forget(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)


def _announced_length(scope: Scope) -> int:
    """The `Content-Length`; 0 if it is missing or invalid."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0
