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
    choices: dict[int, _Choice] = {}
    for chunk in chunks:
        body.update({name: value for name, value in chunk.items() if name not in ("choices", "object") and value})
        for part in _objects(chunk.get("choices")):
            choices.setdefault(part.get("index") or 0, _Choice()).add(part)
    body["choices"] = [{"index": index, **choice.whole()} for index, choice in sorted(choices.items())]
    return body


class _Choice:
    """What the chunks of a choice add up to.

    Texts are joined at the end: a copy for each chunk takes seconds if they are long.
    """

    def __init__(self) -> None:
        self._finish_reason = "stop"
        self._message: JSONObject = {"role": "assistant", "content": None}
        self._texts: dict[str, list[str]] = {}
        self._calls = ToolCallDeltas()

    def add(self, part: JSONObject) -> None:
        if part.get("finish_reason"):
            self._finish_reason = part["finish_reason"]
        for name, value in (part.get("delta") or {}).items():
            if name == "tool_calls":
                self._add_tool_calls(self._calls.take(value))
            elif isinstance(value, str) and name != "role":
                self._message.setdefault(name, None)
                self._texts.setdefault(name, []).append(value)
            elif value is not None:
                self._message[name] = value

    def whole(self) -> JSONObject:
        self._add_tool_calls(self._calls.end())
        self._message.update({name: "".join(pieces) for name, pieces in self._texts.items()})
        return {"finish_reason": self._finish_reason, "message": self._message}

    def _add_tool_calls(self, deltas: list[JSONObject]) -> None:
        if deltas:
            add_deltas(self._message.setdefault("tool_calls", []), deltas)


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
