"""The meaning of finish reasons: one table for streams and plain answers."""

from __future__ import annotations

from typing import Any, Final

_NORMAL: Final = (
    *("stop", "eos", "eos_token", "eot", "eom", "end", "end_turn", "end_of_text", "endoftext", "stop_sequence"),
    *("stop_token", "stop_str", "stop_word", "complete", "completed", "finish", "finished", "done", "normal"),
    "success",
)
_LENGTH: Final = (
    *("length", "max_tokens", "max_length", "max_output_tokens", "max_completion_tokens", "max_new_tokens"),
    *("model_length", "token_limit", "length_limit", "max_tokens_reached", "context_length", "truncated"),
    *("context_length_exceeded", "context_window_exceeded", "model_context_window_exceeded"),
)
_FILTER: Final = (
    *("content_filter", "content_filtered", "safety", "sensitive", "prohibited_content", "recitation", "blocklist"),
    *("refusal", "spii", "image_safety", "image_prohibited_content", "image_recitation", "guardrail_intervened"),
    *("error_toxic", "language", "blocked", "content_blocked", "moderation", "policy_violation", "model_armor"),
)
_TOOL_CALLS: Final = ("tool_calls", "tool_call", "tool_use", "function_calls")
_FAILURES: Final = frozenset(
    {"error", "failed", "failure", "abort", "aborted", "cancelled", "canceled", "interrupted", "timeout", "exception"}
    | {"insufficient_system_resource", "network_error", "internal_error", "server_error", "unknown_error"}
    | {"connection_error", "overloaded", "malformed_function_call", "malformed_tool_call", "malformed_response"}
    | {"malformed_model_output", "malformed_tool_use", "unexpected_tool_call", "too_many_tool_calls"}
)
"""DeepSeek, vLLM, SGLang, Zhipu, OpenRouter, Gemini, Bedrock: words for an answer that did not come to its end."""
_MEANING: Final = {
    **dict.fromkeys(_NORMAL, "stop"),
    **dict.fromkeys(_LENGTH, "length"),
    **dict.fromkeys(_FILTER, "content_filter"),
    **dict.fromkeys(_TOOL_CALLS, "tool_calls"),
    "function_call": "function_call",
}
_UNFINISHED: Final = frozenset({"", "null", "none", "unspecified"})
"""Alibaba's DashScope sends the string "null" while a choice continues."""
_MAX_LENGTH: Final = 64


def finish_reason(given: Any, *, has_tool_calls: bool = False, has_function_call: bool = False) -> str | None:
    """The reason in the words of the reference; None while the choice continues.

    An unknown word is returned as it is. A choice with a call that "stopped" has the reason of the call; one without a
    call that claims to have one has "stop", because agents would ask again forever.
    """
    word = _normalize(given)
    if word in _UNFINISHED:
        return None
    reason = _MEANING.get(word)
    if reason is None:
        return str(given)[:_MAX_LENGTH]
    if reason in ("stop", "tool_calls", "function_call"):
        return "tool_calls" if has_tool_calls else "function_call" if has_function_call else "stop"
    return reason


def is_failure(given: Any) -> bool:
    """True for a word that means that the upstream failed."""
    return _normalize(given) in _FAILURES


def _normalize(given: Any) -> str:
    """Lower case with underscores, without the prefix of an enumeration. Anything but a string is no reason."""
    if not isinstance(given, str):
        return ""
    if given in _MEANING:  # almost always
        return given
    word = given.strip().lower().replace("-", "_").replace(" ", "_")
    return word.removeprefix("finishreason.").removeprefix("finish_reason_")
