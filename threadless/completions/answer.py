"""Normalizes a backend's plain answer to a valid `chat.completion`."""

from __future__ import annotations

from threadless.completions import repair
from threadless.completions.account import Account
from threadless.completions.estimate import texts_of
from threadless.exceptions import UpstreamError
from threadless.types import JSONObject


def normalize_completion(body: JSONObject, model: str, account: Account) -> JSONObject:
    """Change the answer in place to a valid one with the public model name, and fill the account.

    Raises `UpstreamError` if it has no choices.
    """
    choices = repair.objects(body.get("choices"))
    if not choices:
        raise UpstreamError("The model's answer had no choices.")
    for index, choice in enumerate(choices):
        _normalize_choice(choice, index)
    _fill(account, body, choices)
    body["id"] = repair.completion_id(body.get("id"))
    body["object"] = "chat.completion"
    body["created"] = repair.created(body.get("created"))
    body["model"] = model
    body["choices"] = choices
    return body


def _fill(account: Account, body: JSONObject, choices: list[JSONObject]) -> None:
    for choice in choices:
        for text in texts_of(choice["message"]):
            account.wrote(text)
    account.finish_reason = choices[0]["finish_reason"]
    account.tool_calls = sum(len(choice["message"].get("tool_calls") or ()) for choice in choices)
    if isinstance(upstream_model := body.get("model"), str):
        account.upstream_model = upstream_model
    if (usage := repair.usage_of(body.get("usage"))) is not None:
        account.report(usage)


def _normalize_choice(choice: JSONObject, position: int) -> None:
    message = choice.get("message")
    message = choice["message"] = message if isinstance(message, dict) else {}
    message["role"] = "assistant"
    message.setdefault("content", None)
    message.setdefault("refusal", None)
    calls = [_normalize_tool_call(call) for call in repair.objects(message.pop("tool_calls", None))]
    if calls:
        message["tool_calls"] = calls
    reason = repair.finish_reason(choice.get("finish_reason"), has_tool_calls="tool_calls" in message)
    choice["index"] = repair.index_of(choice, position)
    choice["finish_reason"] = reason or ("tool_calls" if "tool_calls" in message else "stop")
    choice.setdefault("logprobs", None)


def _normalize_tool_call(call: JSONObject) -> JSONObject:
    given_id, kind, function = call.get("id"), call.get("type"), call.get("function")
    call["id"] = given_id if isinstance(given_id, str) and given_id else repair.new_call_id()
    call["type"] = kind if isinstance(kind, str) and kind else "function"
    if call["type"] == "function":
        function = function if isinstance(function, dict) else {}
        name, arguments = str(function.get("name") or ""), repair.arguments_text(function.get("arguments"))
        call["function"] = {**function, "name": name, "arguments": arguments}
    call.pop("index", None)
    return call
