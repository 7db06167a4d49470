"""Tokens of a call whose upstream did not count them: an estimate, flagged as such, never a silent zero."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from threadless.completions.tokens import count_tokens
from threadless.types import ChatRequest, JSONObject, JSONValue, Target, Usage

_TOKENS_PER_MESSAGE: Final = 4
"""What the markers around a message come to in usual chat templates."""
_TOKENS_PER_MEDIA: Final = 256
"""For an image, an audio or a file; base64 bytes say nothing about its tokens."""
_KEPT_CHARACTERS: Final = 262_144


class Produced:
    """The text that a model has written so far. A very long one is counted in pieces, so that memory stays flat."""

    __slots__ = ("_counted", "_model", "_size", "_texts")

    def __init__(self, model: str) -> None:
        self._model = model
        self._texts: list[str] = []
        self._size = 0
        self._counted = 0

    def add(self, text: str) -> None:
        """One more piece of text."""
        self._texts.append(text)
        self._size += len(text)
        if self._size > _KEPT_CHARACTERS:
            self._counted = self.count()
            self._texts, self._size = [], 0

    @property
    def extent(self) -> tuple[int, int]:
        """Another one after each text."""
        return self._counted, self._size

    def count(self) -> int:
        """Tokens of all of it."""
        return self._counted + count_tokens("".join(self._texts), self._model)


def estimate_usage(request: ChatRequest, target: Target, produced: Produced) -> Usage:
    """The usage of a call from what was sent and what was produced until it ended."""
    messages = request.get("messages") or []
    texts = [target.instructions, *_texts(messages), *(_tool_texts(request, target))]
    prompt = count_tokens("\n".join(filter(None, texts)), target.model)
    media = sum(_media_parts(message) for message in messages)
    overhead = _TOKENS_PER_MESSAGE * (len(messages) + bool(target.instructions)) + _TOKENS_PER_MEDIA * media
    return Usage(prompt_tokens=prompt + overhead, completion_tokens=produced.count(), source="estimated")


def amended(told: Usage, estimated: Usage, *, is_last: bool) -> Usage:
    """The upstream's count, with the estimate for a side that it left out and for text that came after it."""
    prompt = told.prompt_tokens or estimated.prompt_tokens
    completion = told.completion_tokens
    if not completion or not is_last:
        completion = max(completion, estimated.completion_tokens)
    if (prompt, completion) == (told.prompt_tokens, told.completion_tokens):
        return told
    return replace(told, prompt_tokens=prompt, completion_tokens=completion, source="estimated")


def texts_of(message: JSONObject) -> Iterator[str]:
    """Every text that the model wrote in a message or delta: content, reasoning, refusal, calls."""
    for name in ("content", "reasoning_content", "reasoning", "refusal"):
        if (text := message.get(name)) and isinstance(text, str):
            yield text
    if calls := message.get("tool_calls"):
        yield from _call_texts(calls)
    if call := message.get("function_call"):
        yield from _call_texts([{"function": call}])


def _call_texts(calls: JSONValue) -> Iterator[str]:
    for call in _objects(calls):
        for function in _objects([call.get("function"), call.get("custom")]):
            texts = (function.get("name"), function.get("arguments"), function.get("input"))
            yield from (text for text in texts if isinstance(text, str))


def _texts(messages: Iterable[JSONObject]) -> Iterator[str]:
    for message in messages:
        yield from texts_of(message)
        for part in _parts(message):
            if isinstance(text := part.get("text"), str):
                yield text


def _tool_texts(request: ChatRequest, target: Target) -> Iterator[str]:
    if tools := request.fields.get("tools"):
        yield bytes(tools).decode()
    yield from (str(tool) for tool in target.tools)


def _media_parts(message: JSONObject) -> int:
    return sum(1 for part in _parts(message) if part.get("type") not in ("text", "refusal"))


def _parts(message: JSONObject) -> list[JSONObject]:
    return _objects(message.get("content"))


def _objects(items: JSONValue) -> list[JSONObject]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
