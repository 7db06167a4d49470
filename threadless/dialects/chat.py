"""The OpenAI chat completions API. https://platform.openai.com/docs/api-reference/chat"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from threadless.completions.account import Account
from threadless.completions.answer import normalize_completion
from threadless.completions.chunks import ChunkStream
from threadless.completions.fields import Fields
from threadless.completions.parse import parse
from threadless.completions.tools import check_tools
from threadless.completions.usage import usage_body
from threadless.conf import conf
from threadless.dialects.base import Asked, Dialect, Encoder, error_body, event
from threadless.encoding import encode
from threadless.exceptions import APIError, WrongType
from threadless.openapi.chat import chat_completions
from threadless.openapi.parts import Operation
from threadless.pricing import cost_nano
from threadless.types import Caller, Chunk, Completion, Target, Usage


class ChatAsked(Asked, kw_only=True):
    """A chat completion request."""

    typed: Fields | None
    """The fields without the contents of messages. Dropped once the rules are checked."""
    wants_usage: bool = False
    """True if the stream ends with a chunk that carries the usage."""


class ChatDialect(Dialect):
    """`POST chat/completions`, with the alias `chats/completions`."""

    operation = "chat"
    name = "chat-completions"
    path = "chats?/completions"
    page = "threadless/completions.html"

    def parse(self, body: bytes, request_id: str) -> ChatAsked:
        parsed = parse(body)
        typed = parsed.typed
        return ChatAsked(
            model=typed.model,
            request=parsed.request(request_id),
            is_stream=parsed.is_stream,
            max_output_tokens=typed.max_completion_tokens or typed.max_tokens,
            typed=typed,
            wants_usage=parsed.wants_usage_chunk,
        )

    def check(self, asked: ChatAsked, target: Target, backend: Any) -> ChatAsked:
        if asked.typed is not None:
            check_tools(asked.typed, target)
        backend.validate_request(asked.request, target)
        asked.typed = None
        return asked

    def call(self, backend: Any, asked: ChatAsked, target: Target, caller: Caller) -> Completion:
        completion: Any = backend.complete(asked.take_request(), target, caller)
        if not isinstance(completion, Completion):
            raise WrongType(backend, "complete", "a Completion", completion)
        return completion

    def stream(self, backend: Any, asked: ChatAsked, target: Target, caller: Caller) -> Iterable[Chunk]:
        chunks: Any = backend.stream(asked.take_request(), target, caller)
        if not isinstance(chunks, Iterable):
            raise WrongType(backend, "stream", "an iterator of chunks, without `async`", chunks)
        return chunks

    def answer(self, result: Completion, account: Account, asked: ChatAsked, target: Target) -> bytes:
        body = normalize_completion(result.body, target.id, account)
        usage = account.usage()
        body["usage"] = usage_body(usage, body.get("usage"), _shown_cost(target, usage))
        return encode(body)

    def encoder(self, account: Account, asked: ChatAsked, target: Target) -> ChatEncoder:
        return ChatEncoder(target, account, wants_usage=asked.wants_usage)

    def describe(self) -> Operation:
        return chat_completions()


def _shown_cost(target: Target, usage: Usage) -> int | None:
    """The cost for the client's `usage`, in nano units; None if the platform does not show it."""
    return cost_nano(target, usage) if conf.cost_in_usage else None


class ChatEncoder(Encoder):
    """Encodes each chunk as one event, and `[DONE]` after success."""

    done = b"data: [DONE]\n\n"

    def __init__(self, target: Target, account: Account, *, wants_usage: bool) -> None:
        self._target = target
        self._account = account
        self._chunks = ChunkStream(target.id, account)
        self._wants_usage = wants_usage

    def encode(self, item: Chunk) -> bytes:
        chunk = self._chunks.take(item)
        return b"" if chunk is None else self._event(chunk)

    def end(self) -> bytes:
        last = self._chunks.finish()
        ending = b"" if last is None else self._event(last)
        if self._wants_usage:
            usage = self._account.usage()
            ending += event(self._chunks.usage_chunk(usage, _shown_cost(self._target, usage)))
        return ending

    def failure(self, error: APIError) -> bytes:
        return event(error_body(error))

    def _event(self, chunk: Chunk) -> bytes:
        if self._wants_usage:
            chunk["usage"] = None
        return event(chunk)
