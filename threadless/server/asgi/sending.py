"""Sends responses to an ASGI server: a whole body, or a stream whose events come from another thread."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from django.http.response import HttpResponseBase

from threadless.conf import conf
from threadless.server.asgi.connection import Message, Send
from threadless.server.asgi.wakeups import wakeups

_PIECE_BYTES: Final = 64 * 1024
"""A larger body is sent in pieces, because a server can slow down its application only between two of them."""


class EventSource(ABC):
    """A stream that an event loop can read without a thread. It is also an ordinary iterator, for middleware."""

    @property
    @abstractmethod
    def ping(self) -> bytes:
        """The bytes that are sent after a silence of `PING_SECONDS`."""

    @abstractmethod
    def listen(self, announce: Callable[[], None] | None) -> None:
        """Call `announce`, in any thread, when `take_nowait` has something new. None stops that."""

    @abstractmethod
    def take_nowait(self) -> bytes | None:
        """The bytes that can be sent now; b"" if there are none; None at the end."""


class ClientStalled(Exception):
    """The client has read nothing for `STALL_SECONDS`."""


def head_of(response: HttpResponseBase) -> Message:
    """The message that starts this response."""
    headers = [(name.encode("ascii"), value.encode("latin1")) for name, value in response.items()]
    headers += [(b"Set-Cookie", cookie.OutputString().encode("ascii")) for cookie in response.cookies.values()]
    return {"type": "http.response.start", "status": response.status_code, "headers": headers}


async def send_piece(send: Send, piece: bytes, *, more: bool = True) -> None:
    """Send a piece of a body. Raises `ClientStalled`."""
    try:
        async with asyncio.timeout(conf.stall_seconds):
            await send({"type": "http.response.body", "body": piece, "more_body": more})
    except TimeoutError:
        raise ClientStalled from None


async def send_body(send: Send, body: bytes) -> None:
    """Send a whole body. Raises `ClientStalled`."""
    start = 0
    while len(body) - start > _PIECE_BYTES:
        await send_piece(send, body[start : start + _PIECE_BYTES])
        start += _PIECE_BYTES
    await send({"type": "http.response.body", "body": body[start:] if start else body})


def abort(send: Send) -> None:
    """Close the client's connection without sending what is buffered, if the server shows it, as uvicorn does.

    The server itself would wait until its buffer is empty, and this client does not read.
    """
    transport: Any = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()


class EventSender:
    """Sends the events of one source.

    One timer per stream looks for a silence or a stalled client, and sets itself again. A timeout for each event would
    cost more than the event.
    """

    def __init__(self, source: EventSource, send: Send) -> None:
        self._source = source
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._wakeups = wakeups()
        self._news = asyncio.Event()
        self._is_announced = False
        self._is_sending = False
        self._ping_is_due = False
        self._changed_at = self._loop.time()
        """When `_is_sending` last changed."""

    async def run(self) -> None:
        """Send all events and the end of the body. Raises `ClientStalled`."""
        self._timer = self._loop.call_later(min(conf.ping_seconds, conf.stall_seconds), self._look)
        self._source.listen(self._announce)
        try:
            async with asyncio.timeout(None) as self._stall:
                await self._send_events()
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            raise ClientStalled from None
        finally:
            self._source.listen(None)
            self._timer.cancel()

    async def _send_events(self) -> None:
        while (data := self._take()) is not None:
            if data:
                self._set_sending(True)
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
                self._set_sending(False)
            else:
                await self._news.wait()

    def _take(self) -> bytes | None:
        self._news.clear()
        self._is_announced = False  # before the look: what comes after it is announced
        data = self._source.take_nowait()
        if data == b"" and self._ping_is_due:
            data = self._source.ping
        self._ping_is_due = False
        return data

    def _announce(self) -> None:
        """Called in the thread that produces the events."""
        if not self._is_announced:
            self._is_announced = True
            self._wakeups.call(self._news.set)

    def _set_sending(self, value: bool) -> None:
        self._is_sending = value
        self._changed_at = self._loop.time()

    def _look(self) -> None:
        now = self._loop.time()
        patience = conf.stall_seconds if self._is_sending else conf.ping_seconds
        left = self._changed_at + patience - now
        if left <= 0:
            left = patience
            if self._is_sending:
                self._stall.reschedule(now)
            else:
                self._ping_is_due = True
                self._news.set()
        self._timer = self._loop.call_later(min(left, conf.stall_seconds), self._look)
