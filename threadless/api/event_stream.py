"""The server-sent events of a stream: bytes, headers, and the two response iterators over a call's channel.

The iterators only take and cancel. They never settle: a response may never be started, nor be closed.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final, Self

import msgspec

from threadless.calls.call import Call
from threadless.conf import conf
from threadless.exceptions import APIError
from threadless.types import Chunk

HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Encoding": "identity",
}
"""The last two keep nginx from buffering the stream and `GZipMiddleware` from gathering it."""

PING: Final = b": ping\n\n"
DONE: Final = b"data: [DONE]\n\n"

_encode = msgspec.json.Encoder().encode


def encode_chunk(chunk: Chunk) -> bytes:
    """One event."""
    return b"data: %b\n\n" % _encode(chunk)


def encode_failure(failure: APIError) -> bytes:
    """The event on which the SDKs raise; the stream ends after it, without `[DONE]`."""
    return b"data: %b\n\n" % _encode(failure.body())


def _ending(call: Call) -> bytes:
    if call.failure is not None:
        return encode_failure(call.failure)
    return b"" if call.lifetime.is_cancelled else DONE


class _Events:
    """What both iterators share: the first piece that the view has waited for, the terminator, and the cancelling."""

    def __init__(self, call: Call, first: bytes) -> None:
        self._call = call
        self._first = first or PING
        self._ping_seconds = conf.ping_seconds
        self._has_ended = False

    def close(self) -> None:
        """Django calls this at the end of a response, and when its client has gone."""
        self._call.cancel()

    def __del__(self) -> None:
        self._call.cancel()

    def _next(self, taken: bytes | None) -> bytes:
        """The bytes to send for what the channel gave; b"" at the very end."""
        if taken is None:
            self._has_ended = True
            return _ending(self._call)
        return taken or PING

    def _take_first(self) -> bytes:
        first, self._first = self._first, b""
        return first


class EventIterator(_Events):
    """For WSGI."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if self._first:
            return self._take_first()
        if self._has_ended or not (data := self._next(self._call.channel.take(self._ping_seconds))):
            raise StopIteration
        return data


class AsyncEventIterator(_Events):
    """For ASGI, where a sync iterator would be gathered whole before its first byte is sent."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._first:
            return self._take_first()
        if self._has_ended or not (data := self._next(await take(self._call, self._ping_seconds))):
            raise StopAsyncIteration
        return data


async def take(call: Call, timeout: float | None) -> bytes | None:
    """`Channel.take` without a thread: all that waits; b"" after `timeout` seconds; None at the end.

    Cancels the call if the waiting task is cancelled, which is how Django says that the client has gone.
    """
    channel, news = call.channel, asyncio.Event()
    loop = asyncio.get_running_loop()

    def announce() -> None:
        with contextlib.suppress(RuntimeError):  # the loop may be closing
            loop.call_soon_threadsafe(news.set)

    channel.on_change = announce
    try:
        if (taken := channel.take_nowait()) != b"":
            return taken
        async with asyncio.timeout(timeout):
            await news.wait()
    except TimeoutError:
        pass
    except asyncio.CancelledError:
        call.cancel()
        raise
    finally:
        channel.on_change = None
    return channel.take_nowait()
