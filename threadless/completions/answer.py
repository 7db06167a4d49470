"""A backend's plain answer into the `chat.completion` of the contract."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from threadless.completions import repair
from threadless.completions.estimate import Produced, texts_of
from threadless.exceptions import UpstreamError
from threadless.types import JSONObject, Usage


@dataclass(slots=True, kw_only=True)
class Answer:
    """The body for the client, and what the ledger needs of it."""

    body: JSONObject
    usage: Usage | None
    upstream_model: str
    finish_reason: str
    tool_calls: int


def answer_of(body: JSONObject, model: str, produced: Produced) -> Answer:
    """The mended answer under its public model name; raises `UpstreamError` if it has no choice."""
    given = body.get("choices")
    choices = [choice for choice in given if isinstance(choice, dict)] if isinstance(given, list) else []
    if not choices:
        raise UpstreamError("The model's answer had no choices.")
    for index, choice in enumerate(choices):
        _mend(choice, index)
        for text in texts_of(choice["message"]):
            produced.add(text)
    created = body.get("created")
    upstream_model = body.get("model")
    body["id"] = repair.completion_id(body.get("id"))
    body["object"] = "chat.completion"
    body["created"] = created if isinstance(created, int) and created > 0 else int(time.time())
    body["model"] = model
    body["choices"] = choices
    return Answer(
        body=body,
        usage=repair.usage_of(body.get("usage")),
        upstream_model=upstream_model if isinstance(upstream_model, str) else "",
        finish_reason=choices[0]["finish_reason"],
        tool_calls=sum(len(choice["message"].get("tool_calls") or ()) for choice in choices),
    )


def _mend(choice: JSONObject, place: int) -> None:
    message = choice.get("message")
    message = choice["message"] = message if isinstance(message, dict) else {}
    message["role"] = "assistant"
    message.setdefault("content", None)
    message.setdefault("refusal", None)
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        message["tool_calls"] = [_mend_call(call) for call in calls if isinstance(call, dict)]
    else:
        message.pop("tool_calls", None)
    reason = repair.finish_reason(choice.get("finish_reason"), has_tool_calls="tool_calls" in message)
    choice["index"] = choice["index"] if isinstance(choice.get("index"), int) else place
    choice["finish_reason"] = reason or ("tool_calls" if "tool_calls" in message else "stop")
    choice.setdefault("logprobs", None)


def _mend_call(call: JSONObject) -> JSONObject:
    call["id"] = call.get("id") or repair.new_call_id()
    call["type"] = call.get("type") or "function"
    function: Any = call.get("function")
    if call["type"] == "function":
        function = function if isinstance(function, dict) else {}
        name, arguments = function.get("name") or "", repair.arguments_text(function.get("arguments"))
        call["function"] = {**function, "name": name, "arguments": arguments}
    call.pop("index", None)
    return call
