"""`Conversation`: one request to an ASGI application, without a server. A test decides each message."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

SECONDS = 15

Message = MutableMapping[str, Any]


class Conversation:
    """What was sent to the application, and what came back."""

    def __init__(self, *messages: Message) -> None:
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        for message in messages:
            self._messages.put_nowait(message)
        self.sent: list[Message] = []
        self._news = asyncio.Event()
        self.has_room = asyncio.Event()
        """Cleared: the client does not read, and the application has to wait."""
        self.has_room.set()
        self.received = 0
        """The number of messages that the application asked for."""

    async def receive(self) -> Message:
        """For the application."""
        self.received += 1
        return await self._messages.get()

    async def send(self, message: Message) -> None:
        """For the application."""
        await self.has_room.wait()
        self.sent.append(message)
        self._news.set()

    def put(self, message: Message) -> None:
        """Another message for the application."""
        self._messages.put_nowait(message)

    def leave(self) -> None:
        """The client disconnects."""
        self.put({"type": "http.disconnect"})

    async def wait_for(self, text: bytes) -> None:
        """Wait until the body contains this."""
        async with asyncio.timeout(SECONDS):
            while text not in self.content:
                self._news.clear()
                await self._news.wait()

    @property
    def status(self) -> int:
        """The status of the response."""
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the response, with names in lower case."""
        return {name.decode().lower(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def content(self) -> bytes:
        """The body so far."""
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def is_complete(self) -> bool:
        """True once the end of the response was sent."""
        ends = [each for each in self.sent if each["type"] == "http.response.body" and not each.get("more_body", False)]
        return len(ends) == 1 and self.sent[-1] is ends[0]


def scope_of(path: str, method: str = "POST", headers: Mapping[str, str] | None = None, **fields: Any) -> Message:
    """A request, as a server describes it."""
    raw = [
        (name.lower().encode(), value.encode())
        for name, value in ({"Host": "testserver"} | dict(headers or {})).items()
    ]
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": raw,
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
        **fields,
    }


def body_message(body: bytes = b"", *, more: bool = False) -> Message:
    """A part of the request's body."""
    return {"type": "http.request", "body": body, "more_body": more}


async def ask(
    application: Any,
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    messages: Sequence[Message] = (),
    **fields: Any,
) -> Conversation:
    """A whole request and its response. `messages` default to an empty body."""
    talk = Conversation(*(messages or [body_message()]))
    async with asyncio.timeout(SECONDS):
        await application(scope_of(path, method, headers, **fields), talk.receive, talk.send)
    return talk


@asynccontextmanager
async def talking(
    application: Any, path: str, *messages: Message, headers: Mapping[str, str] | None = None, method: str = "POST"
) -> AsyncIterator[tuple[Conversation, asyncio.Task[None]]]:
    """A request whose application still runs; it is cancelled at the end of the block."""
    talk = Conversation(*messages)
    task = asyncio.ensure_future(application(scope_of(path, method, headers), talk.receive, talk.send))
    try:
        yield talk, task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
