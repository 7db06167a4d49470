"""`Exchange`: one request and its response, between the event loop and a thread of the pool."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from io import BytesIO
from typing import Any, Final

from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_finished, request_started
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from threadless.exceptions import Overloaded
from threadless.server.asgi.connection import META_KEY, Connection, Scope, Send
from threadless.server.asgi.context import enter_context
from threadless.server.asgi.pool import pool
from threadless.server.asgi.sending import (
    ClientStalled,
    EventSender,
    EventSource,
    abort,
    head_of,
    send_body,
    send_piece,
)
from threadless.server.asgi.wakeups import wakeups
from threadless.server.memory import Reservation

logger = logging.getLogger("threadless")

_QUEUE_SECONDS: Final = 1.0
"""Maximum time that a request waits for a thread."""


class RequestBody(BytesIO):
    """A body that can be read once, so that its memory is free while the call runs."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self._size = len(body)

    def seekable(self) -> bool:
        return False

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if self.tell() == self._size:
            self.truncate(0)
        return data


class _Answer:
    """The result that the thread passes to the event loop."""

    __slots__ = ("body", "head", "response")

    def __init__(self, response: HttpResponseBase) -> None:
        self.head = head_of(response)
        self.response: Any = response
        self.body: bytes | None = None if response.streaming else response.content  # type: ignore[attr-defined]

    @property
    def source(self) -> EventSource | None:
        """The events of a stream that no middleware has wrapped."""
        iterator = getattr(self.response, "_iterator", None)
        return iterator if isinstance(iterator, EventSource) else None

    @property
    def is_for_loop(self) -> bool:
        """True if the event loop can send the response without a thread."""
        return self.body is not None or self.response.is_async or self.source is not None


class Exchange:
    """One request and its response."""

    def __init__(self, handler: ASGIHandler, scope: Scope, connection: Connection, send: Send) -> None:
        self._handler = handler
        self._scope = scope
        self._connection = connection
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._wakeups = wakeups()
        self._context = contextvars.copy_context()
        self._answer: asyncio.Future[_Answer | None] = self._loop.create_future()

    async def run(self, body: BytesIO, reservation: Reservation) -> None:
        """Raises `Overloaded` if there is no thread."""
        listener = self._loop.create_task(self._connection.listen())
        try:
            self._submit(partial(self._context.run, self._work, body, reservation))
            if (answer := await self._answer) is not None:
                await self._send_answer(answer)
        except ClientStalled:
            abort(self._send)
            await asyncio.sleep(0)  # so that the server sees the closed connection before our return
        except OSError:  # so a server may say that the client has left
            logger.debug("A response could not be sent.", exc_info=True)
        finally:
            listener.cancel()
            self._connection.leave()  # if we end early, so does the call

    def _submit(self, work: Any) -> None:
        if pool.submit(work):
            return

        def expire() -> None:
            if pool.withdraw(work):
                self._resolve(Overloaded())

        self._loop.call_later(_QUEUE_SECONDS, expire)

    # In the pool's thread

    def _work(self, body: BytesIO, reservation: Reservation) -> None:
        if self._connection.is_gone:
            self._hand_over(None)
            return
        enter_context(self._loop)
        reservation.release()  # from now on the view counts what it reads
        try:
            answer = _Answer(self._respond(body))
        except BaseException as error:  # noqa: BLE001  (the server logs it)
            request_finished.send(sender=type(self._handler))
            self._hand_over(error)
            return
        if not answer.is_for_loop:
            self._send_from_thread(answer)
            return
        self._hand_over(answer)
        if answer.body is not None:
            _close(answer.response)

    def _respond(self, body: BytesIO) -> Any:
        set_script_prefix(get_script_prefix(self._scope))
        request_started.send(sender=type(self._handler), scope=self._scope)
        request: Any
        response: Any
        request, response = self._handler.create_request(self._scope, body)
        if request is not None:
            request.META[META_KEY] = self._connection
            response = self._handler.get_response(request)
        response._handler_class = type(self._handler)  # the sender of `request_finished`
        return response

    def _send_from_thread(self, answer: _Answer) -> None:
        """Send a stream that only a thread can read. It keeps its thread, as under WSGI."""
        failure: BaseException | None = None
        try:
            self._await(self._send(answer.head))
            for piece in answer.response:
                self._await(send_piece(self._send, piece))
                if self._connection.is_gone:
                    break
            self._await(send_piece(self._send, b"", more=False))
        except BaseException as error:  # noqa: BLE001  (the server logs it)
            failure = error
        finally:
            _close(answer.response)
        self._hand_over(failure)

    def _await(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _hand_over(self, result: _Answer | BaseException | None) -> None:
        self._wakeups.call(partial(self._resolve, result))

    # In the event loop

    def _resolve(self, result: _Answer | BaseException | None) -> None:
        if self._answer.done():  # nobody waits for it
            if isinstance(result, _Answer):
                self._close_later(result)
        elif isinstance(result, Exception):
            self._answer.set_exception(result)
        elif isinstance(result, BaseException):  # in the loop it would end the server
            self._answer.set_exception(RuntimeError(f"A view raised {type(result).__name__}."))
        else:
            self._answer.set_result(result)

    async def _send_answer(self, answer: _Answer) -> None:
        try:
            if self._connection.is_gone:
                return
            await self._send(answer.head)
            if answer.body is not None:
                await send_body(self._send, answer.body)
            elif (source := answer.source) is not None:
                await EventSender(source, self._send).run()
            else:
                await self._send_async(aiter(answer.response))
        finally:
            self._close_later(answer)

    async def _send_async(self, pieces: AsyncIterator[bytes]) -> None:
        async with aclosing(pieces):  # type: ignore[type-var]
            async for piece in pieces:
                await send_piece(self._send, piece)
        await send_piece(self._send, b"", more=False)

    def _close_later(self, answer: _Answer) -> None:
        """Close a stream in a thread, because that runs receivers of `request_finished`."""
        if answer.body is None:
            context = self._context.copy()  # the first thread may not have left the original yet
            pool.submit_first(partial(context.run, self._close, answer.response))

    def _close(self, response: HttpResponseBase) -> None:
        enter_context(self._loop)
        _close(response)


def _close(response: HttpResponseBase) -> None:
    """Close the response, which sends `request_finished`."""
    try:
        response.close()
    except Exception:
        logger.exception("A response could not be closed.")
