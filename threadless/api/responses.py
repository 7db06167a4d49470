"""The response to a call: a plain body, or a stream of events taken from the call's channel.

The iterators of a stream take bytes and cancel the call. They never settle it, because a response may never be started
or closed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Final, Self

from asgiref.sync import async_to_sync
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from threadless.api.headers import Stopwatch
from threadless.api.underlying import when_closed
from threadless.calls.call import Call
from threadless.calls.running import end_calls
from threadless.conf import conf
from threadless.exceptions import Cancelled
from threadless.server import graceful
from threadless.server.asgi.sending import EventSource
from threadless.server.client import Client

_STREAM_HEADERS: Final = {
    "Cache-Control": "private, no-store, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Encoding": "identity",
}
"""The last two keep nginx from buffering the stream, and `GZipMiddleware` from compressing it."""


def respond(call: Call, client: Client, stopwatch: Stopwatch) -> HttpResponseBase:
    """Run the call and return the response. Raises the `APIError` of a failure, or `Cancelled` if the client left."""
    client.drop_when_stalled(conf.stall_seconds)
    if client.is_async and not graceful.is_installed_in_loop:
        async_to_sync(graceful.install_in_event_loop)(end_calls)
    call.run(client)
    response = _stream(call, client) if call.asked.is_stream else _plain(call, client)
    # The connection may serve the host's own views next. A download there may pause for longer.
    when_closed(response, partial(client.drop_when_stalled, 0))
    stopwatch.add("upstream", call.first_token_seconds)
    return response


def _plain(call: Call, client: Client) -> HttpResponse:
    if client.is_async:
        async_to_sync(take)(call, None)
    _raise_failure(call)
    return HttpResponse(call.result, content_type="application/json")


def _stream(call: Call, client: Client) -> StreamingHttpResponse:
    grace = conf.grace_seconds
    first = async_to_sync(take)(call, grace) if client.is_async else call.channel.take(grace)
    if first is None:
        _raise_failure(call)
    call.is_committed = True
    events = AsyncEventIterator(call, first) if client.is_async else EventIterator(call, first)
    return StreamingHttpResponse(events, headers={"Content-Type": call.dialect.media_type, **_STREAM_HEADERS})


def _raise_failure(call: Call) -> None:
    failure = call.take_failure()
    if failure is None and call.result:
        return
    try:
        raise failure or Cancelled
    finally:
        del failure  # a cycle with this frame would keep the memory of the request


class _Events:
    """Base of both iterators."""

    def __init__(self, call: Call, first: bytes | None) -> None:
        self._call = call
        self._first = call.dialect.ping if first == b"" else first or b""
        """The first bytes, for which the view has already waited."""
        self._ping_seconds = conf.ping_seconds
        self._has_ended = False

    def close(self) -> None:
        """Called by Django at the end of a response, and when the client has gone."""
        self._call.cancel()

    def __del__(self) -> None:
        self._call.cancel()

    def _next(self, taken: bytes | None) -> bytes:
        """The bytes to send for a result of the channel; b"" at the end."""
        if taken is None:
            self._has_ended = True
            return self._call.result
        return taken or self._call.dialect.ping

    def _take_first(self) -> bytes:
        first, self._first = self._first, b""
        return first


class EventIterator(_Events, EventSource):
    """Iterates over the events of a stream under WSGI, and under `threadless.asgi`."""

    @property
    def ping(self) -> bytes:
        return self._call.dialect.ping

    def listen(self, announce: Callable[[], None] | None) -> None:
        self._call.channel.on_change = announce

    def take_nowait(self) -> bytes | None:
        if self._first:
            return self._take_first()
        if self._has_ended:
            return None
        taken = self._call.channel.take_nowait()
        if taken is None:
            self._has_ended = True
            return self._call.result or None
        return taken

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if self._first:
            return self._take_first()
        if self._has_ended or not (data := self._next(self._call.channel.take(self._ping_seconds))):
            raise StopIteration
        return data


class AsyncEventIterator(_Events):
    """Iterates under ASGI, where Django reads a sync iterator completely before it sends the first byte."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._first:
            return self._take_first()
        if self._has_ended or not (data := self._next(await take(self._call, self._ping_seconds))):
            raise StopAsyncIteration
        return data


async def take(call: Call, timeout: float | None) -> bytes | None:
    """`Channel.take` for an event loop: all waiting bytes; b"" after `timeout` seconds; None at the end.

    Cancels the call if the waiting task is cancelled, which Django does when the client has gone.
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
