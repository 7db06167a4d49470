"""Normalizes a backend's plain answer to a valid `chat.completion`."""

from __future__ import annotations

from threadless.completions import repair
from threadless.completions.account import Account
from threadless.completions.estimate import texts_of
from threadless.completions.finish_reasons import finish_reason, is_failure
from threadless.completions.reading import error_in
from threadless.completions.tool_call_deltas import repair_calls
from threadless.completions.usage import usage_in, usage_of
from threadless.exceptions import UpstreamError
from threadless.types import JSONObject


def normalize_completion(body: JSONObject, model: str, account: Account) -> JSONObject:
    """Change the answer in place to a valid one with the public model name, and fill the account.

    Raises `UpstreamError` if it has no choices, or if a choice says that the upstream failed.
    """
    choices = repair.objects(body.get("choices"))
    usage = body["usage"] = usage_in(body)
    count = usage_of(usage)
    if count is not None:
        account.report(count)  # a failed answer is charged too
    if not choices or "error" in body:
        if error_in(body) is not None:
            raise UpstreamError
        body.pop("error", None)  # SDKs take any object here for an error
    if not choices:
        raise UpstreamError("The model's answer had no choices.")
    for index, choice in enumerate(choices):
        _normalize_choice(choice, index)
    _fill(account, body, choices)
    if count is not None:
        account.report(count)  # again, because it includes the text
    body["id"] = repair.completion_id(body.get("id"))
    body["object"] = "chat.completion"
    body["created"] = repair.created(body.get("created"))
    body["model"] = model
    body["choices"] = choices
    return body


def _fill(account: Account, body: JSONObject, choices: list[JSONObject]) -> None:
    if isinstance(upstream_model := body.get("model"), str):
        account.upstream_model = upstream_model
    for choice in choices:
        for text in texts_of(choice["message"]):
            account.wrote(text)
    account.finish_reason = choices[0]["finish_reason"]
    account.tool_calls = sum(len(choice["message"].get("tool_calls") or ()) for choice in choices)


def _normalize_choice(choice: JSONObject, position: int) -> None:
    given_reason = choice.get("finish_reason")
    if is_failure(given_reason):
        raise UpstreamError("The model failed to complete its answer.")
    message = choice.get("message")
    message = choice["message"] = message if isinstance(message, dict) else {}
    message["role"] = "assistant"
    repair.repair_texts(message)
    message.setdefault("content", None)
    message.setdefault("refusal", None)
    given_calls = message.pop("tool_calls", None)
    calls = repair_calls(given_calls) if given_calls else []
    if calls:
        message["tool_calls"] = calls
    has_calls = bool(calls)
    has_function_call = bool(message.get("function_call"))
    reason = finish_reason(given_reason, has_tool_calls=has_calls, has_function_call=has_function_call)
    choice["index"] = repair.index_of(choice, position)
    choice["finish_reason"] = reason or finish_reason("stop", has_tool_calls=has_calls)
    choice.pop("usage", None)
    choice.setdefault("logprobs", None)
    repair.repair_logprobs(choice)
