"""From a whole answer to chunks, for a stream that an upstream or a backend answers in one piece."""

from __future__ import annotations

from collections.abc import Iterator

from threadless.types import Chunk, JSONObject


def chunks_of(body: JSONObject) -> Iterator[Chunk]:
    """The chunks that a `chat.completion` would have come in: deltas first, then finish reasons, then the usage."""
    shared = {name: value for name, value in body.items() if name not in ("choices", "usage", "object")}
    choices = [choice for choice in body.get("choices") or [] if isinstance(choice, dict)]
    yield {**shared, "choices": [_delta_choice(choice) for choice in choices]}
    yield {**shared, "choices": [_finish_choice(choice) for choice in choices]}
    if body.get("usage"):
        yield {**shared, "choices": [], "usage": body["usage"]}


def text_chunk(text: str) -> Chunk:
    """One chunk that continues the assistant's text."""
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}


def _delta_choice(choice: JSONObject) -> JSONObject:
    delta = dict(choice.get("message") or {})
    if isinstance(calls := delta.get("tool_calls"), list):
        delta["tool_calls"] = [{"index": index, **call} for index, call in enumerate(calls) if isinstance(call, dict)]
    return {**{name: value for name, value in choice.items() if name != "message"}, "delta": delta, "finish_reason": None}


def _finish_choice(choice: JSONObject) -> JSONObject:
    return {"index": choice.get("index", 0), "delta": {}, "finish_reason": choice.get("finish_reason") or "stop"}
