"""Estimates the tokens of a prompt, for upstreams that report none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from threadless.completions.tokens import count_tokens
from threadless.completions.tool_calls import arguments_text
from threadless.turns import let_others_run
from threadless.types import ChatRequest, JSONObject, JSONValue, Target

_TOKENS_PER_MESSAGE: Final = 4
"""Tokens of the markers around a message in common chat templates."""
_TOKENS_PER_MEDIA: Final = 256
"""Tokens of an image, audio or file part, whose size in bytes is unrelated to its tokens."""
_TEXT_FIELDS: Final = frozenset({"content", "reasoning_content", "reasoning", "refusal"})
_BILLED_FIELDS: Final = ("tools", "functions", "response_format", "prediction")
"""Fields that a model reads in addition to the messages."""


def prompt_tokens(request: ChatRequest, target: Target) -> int:
    """Tokens of everything that was sent to the model."""
    messages = request.get("messages") or []
    let_others_run(len(request.fields.get("messages", b"")))
    texts = [target.instructions, *_texts(messages), *(_field_texts(request, target))]
    whole = "\n".join(filter(None, texts))
    let_others_run(len(whole))
    text = count_tokens(whole, target.model)
    media = sum(_media_parts(message) for message in messages)
    return text + _TOKENS_PER_MESSAGE * (len(messages) + bool(target.instructions)) + _TOKENS_PER_MEDIA * media


def texts_of(message: JSONObject) -> Iterator[str]:
    """Every text that a model wrote in a message or delta: content, reasoning, refusal, calls."""
    for name, value in message.items():
        if name in _TEXT_FIELDS:
            if value and isinstance(value, str):
                yield value
        elif name == "tool_calls":
            yield from _call_texts(value)
        elif name == "function_call":
            yield from _call_texts([{"function": value}])


def _call_texts(calls: JSONValue) -> Iterator[str]:
    for call in _objects(calls):
        for function in _objects([call.get("function"), call.get("custom")]):
            texts = (function.get("name"), arguments_text(function.get("arguments")), function.get("input"))
            yield from (text for text in texts if isinstance(text, str))


def _texts(messages: Iterable[JSONObject]) -> Iterator[str]:
    for message in messages:
        yield from texts_of(message)
        for part in _parts(message):
            if isinstance(text := part.get("text"), str):
                yield text


def _field_texts(request: ChatRequest, target: Target) -> Iterator[str]:
    for name in _BILLED_FIELDS:
        if value := request.fields.get(name):
            yield bytes(value).decode()
    yield from (str(tool) for tool in target.tools)


def _media_parts(message: JSONObject) -> int:
    return sum(1 for part in _parts(message) if part.get("type") not in ("text", "refusal"))


def _parts(message: JSONObject) -> list[JSONObject]:
    return _objects(message.get("content"))


def _objects(items: JSONValue) -> list[JSONObject]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
