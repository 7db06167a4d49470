"""Reads the stream in a response of Django's test clients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from threadless.types import Chunk, JSONObject

_DONE: Final = b"[DONE]"


@dataclass(slots=True, kw_only=True)
class Events:
    """The content of a stream that has ended."""

    chunks: list[Chunk] = field(default_factory=list)
    error: JSONObject | None = None
    """The error that ended it, with message, type, param and code."""
    is_done: bool = False
    """True if it ended with `[DONE]`, that is, with success."""
    pings: int = 0

    @property
    def text(self) -> str:
        """The text of the first choice."""
        choices = (choice for chunk in self.chunks for choice in chunk["choices"] if choice["index"] == 0)
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    @property
    def finish_reason(self) -> str | None:
        """The finish reason of the first choice."""
        choices = (choice for chunk in self.chunks for choice in chunk["choices"] if choice["index"] == 0)
        return next((choice["finish_reason"] for choice in choices if choice.get("finish_reason")), None)

    @property
    def usage(self) -> JSONObject | None:
        """The usage, if the request asked for it."""
        return next((chunk["usage"] for chunk in reversed(self.chunks) if chunk.get("usage")), None)


def read_events(response: Any) -> Events:
    """Reads a streamed response to its end and closes it. Raises `AssertionError` if it is not such a stream."""
    _check(response)
    try:
        return _events(b"".join(response.streaming_content))
    finally:
        response.close()


async def aread_events(response: Any) -> Events:
    """`read_events` for a response of Django's `AsyncClient`."""
    _check(response)
    try:
        return _events(b"".join([piece async for piece in response.streaming_content]))
    finally:
        response.close()


def _check(response: Any) -> None:
    if not response.streaming:
        raise AssertionError(f"Not a stream, but HTTP {response.status_code}: {response.content[:500]!r}")


def _events(content: bytes) -> Events:
    events = Events()
    for part in content.split(b"\n\n")[:-1]:
        comments, data = _split(part)
        events.pings += comments
        if data.startswith(b"data: "):
            _take(events, data.removeprefix(b"data: "))
        elif data:
            raise AssertionError(f"Not an event: {part[:200]!r}")
    return events


def _split(part: bytes) -> tuple[int, bytes]:
    """The number of comment lines before an event, and the event without them."""
    lines = part.split(b"\n")
    comments = sum(line.startswith(b":") for line in lines)
    return comments, b"\n".join(line for line in lines if not line.startswith(b":"))


def _take(events: Events, data: bytes) -> None:
    if data == _DONE:
        events.is_done = True
        return
    body = msgspec.json.decode(data)
    if "error" in body:
        events.error = body["error"]
    else:
        events.chunks.append(body)
