"""Redacts an answer or a chunk in place. Only output of the model is passed on as it is."""

from __future__ import annotations

from typing import Any, Final

from threadless.backends.upstream import CallRedactor
from threadless.types import JSONObject

_BODY_FIELDS: Final = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier", "obfuscation"}
)
"""Fields that are replaced, or redacted by the reader of the answer."""
_CHOICE_FIELDS: Final = frozenset({"index", "delta", "message", "finish_reason", "logprobs", "token_ids", "text"})
_TEXT_FIELDS: Final = frozenset(
    {"role", "content", "refusal", "reasoning", "reasoning_content", "reasoning_text", "thinking"}
)
"""Fields of `message` and `delta` whose texts the model wrote. The role is replaced."""
_WRITTEN_FIELDS: Final = {
    "tool_calls": frozenset({"index", "function", "custom"}),
    "function_call": frozenset({"name", "arguments"}),
    "audio": frozenset({"data", "transcript"}),
    "images": frozenset({"image_url"}),
    "reasoning_details": frozenset({"text", "summary", "data", "signature"}),
    "thinking_blocks": frozenset({"thinking", "text", "data", "signature"}),
    "annotations": frozenset[str](),
}
"""Fields of `message` and `delta` with objects, and what the model wrote in these."""
_OUTPUT_FIELDS: Final = _TEXT_FIELDS | _WRITTEN_FIELDS.keys()
_CALL_FIELDS: Final = frozenset({"name", "arguments", "input"})
_LOGPROB_FIELDS: Final = frozenset(
    {"content", "refusal", "tokens", "token_logprobs", "top_logprobs", "text_offset", "token_ids"}
)
_TOKEN_FIELDS: Final = frozenset({"token", "logprob", "bytes", "top_logprobs"})


def clean(body: JSONObject, redact: CallRedactor) -> None:
    """Redact all fields of an answer or chunk but those of `_BODY_FIELDS`, and remove those that repeat the prompt."""
    if not _BODY_FIELDS.issuperset(body):
        redact.fields(body, _BODY_FIELDS)
    choices = body.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            _clean_choice(choice, redact)


def _clean_choice(choice: JSONObject, redact: CallRedactor) -> None:
    if not _CHOICE_FIELDS.issuperset(choice):
        redact.fields(choice, _CHOICE_FIELDS)
    for name in ("delta", "message"):
        output = choice.get(name)
        if isinstance(output, dict) and not _TEXT_FIELDS.issuperset(output):
            _clean_output(output, redact)
    if logprobs := choice.get("logprobs"):
        _clean_logprobs(logprobs, redact)


def _clean_output(output: JSONObject, redact: CallRedactor) -> None:
    for name in output.keys() & _WRITTEN_FIELDS.keys():
        value = output[name]
        items = value if isinstance(value, list) else [value]
        cleaned = [_cleaned_item(item, _WRITTEN_FIELDS[name], redact) for item in items]
        output[name] = cleaned if isinstance(value, list) else cleaned[0]
    if not _OUTPUT_FIELDS.issuperset(output):
        redact.fields(output, _OUTPUT_FIELDS)


def _cleaned_item(item: Any, written: frozenset[str], redact: CallRedactor) -> Any:
    if not isinstance(item, dict):
        return redact.value(item)
    redact.fields(item, written)
    for call in (item.get("function"), item.get("custom")):
        if isinstance(call, dict) and not _CALL_FIELDS.issuperset(call):
            redact.fields(call, _CALL_FIELDS)
    return item


def _clean_logprobs(logprobs: Any, redact: CallRedactor) -> None:
    if not isinstance(logprobs, dict):
        return
    if not _LOGPROB_FIELDS.issuperset(logprobs):
        redact.fields(logprobs, _LOGPROB_FIELDS)
    tokens = [*_objects_in(logprobs.get("content")), *_objects_in(logprobs.get("refusal"))]
    for token in tokens:
        for each in (token, *_objects_in(token.get("top_logprobs"))):
            if not _TOKEN_FIELDS.issuperset(each):
                redact.fields(each, _TOKEN_FIELDS)


def _objects_in(value: Any) -> list[JSONObject]:
    """The objects in a list, or the object itself."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
