"""Judges bodies by the types of the `openai` package: strictly, and without fields that these do not know."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import httpx
from openai.types import ErrorObject, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel, ConfigDict, TypeAdapter

TYPES: dict[str, Any] = {
    "chat.completion": TypeAdapter(ChatCompletion),
    "chat.completion.chunk": TypeAdapter(ChatCompletionChunk),
    "model": TypeAdapter(Model),
    "error": TypeAdapter(ErrorObject),
}


def judge(body: dict[str, Any], extra: Iterable[str] = ()) -> None:
    """Fails unless the body is exactly what its `object` says; `extra` fields may be there besides."""
    if body.get("object") == "list":
        for item in body["data"]:
            judge(item, extra)
        return
    kind, value = ("error", body["error"]) if "error" in body else (body["object"], body)
    validated = TYPES[kind].validate_json(json.dumps(value), strict=True)
    unknown = set(_extras(validated)) - set(extra)
    assert not unknown, f"fields that the reference does not know: {unknown}"


def judge_reply(content: bytes, content_type: str, extra: Iterable[str] = ()) -> int:
    """Judge an answer or each chunk of a stream; returns how many bodies that was."""
    if not content_type.startswith("text/event-stream"):
        judge(json.loads(content), extra)
        return 1
    events = [line.removeprefix("data: ") for line in content.decode().split("\n") if line.startswith("data: ")]
    bodies = [json.loads(event) for event in events if event != "[DONE]"]
    for body in bodies:
        judge(body, extra)
    return len(bodies)


def _extras(model: Any) -> Iterator[str]:
    if isinstance(model, BaseModel):
        yield from model.model_extra or {}
        for name in type(model).model_fields:
            yield from _extras(getattr(model, name))
    elif isinstance(model, list):
        for item in model:
            yield from _extras(item)


class _Copied(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Passes a body on and keeps a copy."""

    def __init__(self, stream: Any, copy: bytearray) -> None:
        self._stream, self._copy = stream, copy

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            self._copy.extend(piece)
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            self._copy.extend(piece)
            yield piece

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()


class Recorder(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """An HTTP transport for SDKs that keeps every answer, so that `judge_all` can look at them."""

    def __init__(self) -> None:
        self._sync, self._async = httpx.HTTPTransport(verify=False), httpx.AsyncHTTPTransport(verify=False)
        self._kept: list[tuple[str, bytearray]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._keep(self._sync.handle_request(request))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self._keep(await self._async.handle_async_request(request))

    def close(self) -> None:
        self._sync.close()

    async def aclose(self) -> None:
        await self._async.aclose()

    def judge_all(self, extra: Iterable[str] = ()) -> int:
        """Judge all so far; returns the number of bodies."""
        return sum(judge_reply(bytes(content), content_type, extra) for content_type, content in self._kept)

    def _keep(self, response: httpx.Response) -> httpx.Response:
        copy = bytearray()
        self._kept.append((response.headers["Content-Type"], copy))
        response.stream = _Copied(response.stream, copy)
        return response


class Strict(BaseModel):
    """A body that an SDK is asked to parse."""

    model_config = ConfigDict(extra="forbid")
