"""Converts between whole answers and chunks, for backends that produce only one of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from threadless.completions.tool_call_deltas import ToolCallDeltas, add_deltas
from threadless.types import Chunk, JSONObject, JSONValue


def chunks_of(body: JSONObject) -> Iterator[Chunk]:
    """The chunks of a `chat.completion`: the deltas, then the finish reasons, then the usage."""
    shared = {name: value for name, value in body.items() if name not in ("choices", "usage", "object")}
    choices = _objects(body.get("choices"))
    yield {**shared, "choices": [_delta_choice(choice) for choice in choices]}
    yield {**shared, "choices": [_finish_choice(choice) for choice in choices]}
    if body.get("usage"):
        yield {**shared, "choices": [], "usage": body["usage"]}


def text_chunk(text: str) -> Chunk:
    """One chunk that continues the assistant's text."""
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}


def completion_of(chunks: Iterable[Chunk]) -> JSONObject:
    """The `chat.completion` that results from these chunks."""
    body: JSONObject = {}
    choices: dict[int, JSONObject] = {}
    calls: dict[int, ToolCallDeltas] = {}
    for chunk in chunks:
        body.update({name: value for name, value in chunk.items() if name not in ("choices", "object") and value})
        for choice in _objects(chunk.get("choices")):
            index = choice.get("index") or 0
            deltas = calls.setdefault(index, ToolCallDeltas())
            _add(choices.setdefault(index, {"message": {"role": "assistant", "content": None}}), choice, deltas)
    for index, deltas in calls.items():
        _add_tool_calls(choices[index]["message"], deltas.end())
    body["choices"] = [{"index": index, "finish_reason": "stop", **choice} for index, choice in sorted(choices.items())]
    return body


def _add(choice: JSONObject, part: JSONObject, calls: ToolCallDeltas) -> None:
    if part.get("finish_reason"):
        choice["finish_reason"] = part["finish_reason"]
    message = choice["message"]
    for name, value in (part.get("delta") or {}).items():
        if name == "tool_calls":
            _add_tool_calls(message, calls.take(value))
        elif isinstance(value, str) and name != "role":
            message[name] = (message.get(name) or "") + value
        elif value is not None:
            message[name] = value


def _add_tool_calls(message: JSONObject, deltas: list[JSONObject]) -> None:
    if deltas:
        add_deltas(message.setdefault("tool_calls", []), deltas)


def _delta_choice(choice: JSONObject) -> JSONObject:
    message = choice.get("message")
    delta = dict(message) if isinstance(message, dict) else {}
    if "tool_calls" in delta:
        delta["tool_calls"] = [{**call, "index": index} for index, call in enumerate(_objects(delta["tool_calls"]))]
    others = {name: value for name, value in choice.items() if name != "message"}
    return {**others, "delta": delta, "finish_reason": None}


def _finish_choice(choice: JSONObject) -> JSONObject:
    return {"index": choice.get("index", 0), "delta": {}, "finish_reason": choice.get("finish_reason") or "stop"}


def _objects(items: JSONValue) -> list[JSONObject]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
