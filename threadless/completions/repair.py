"""Normalizes malformed parts of choices, in the same way for whole answers and for chunks."""

from __future__ import annotations

import secrets
import time
from typing import Any, Final, TypeGuard

import msgspec

from threadless.types import JSONObject, Usage

_FINISH_REASONS: Final = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
_FINISH_REASON_OF: Final = {"max_tokens": "length", "tool_use": "tool_calls", "safety": "content_filter"}
"""Finish reasons of other APIs that have a counterpart in the reference. Others are treated as "stop"."""


def new_completion_id() -> str:
    """A new id in the format of the OpenAI API."""
    return f"chatcmpl-{secrets.token_hex(16)}"


def completion_id(given: Any) -> str:
    """The upstream's id if it has the usual format, otherwise a new one."""
    return given if isinstance(given, str) and given.startswith("chatcmpl-") else new_completion_id()


def created(given: Any) -> int:
    """The upstream's Unix time if it is valid, otherwise the current time."""
    return given if is_index(given) and given > 0 else int(time.time())


def is_index(given: Any) -> TypeGuard[int]:
    """True for an integer from 0. Booleans are not accepted."""
    return isinstance(given, int) and not isinstance(given, bool) and given >= 0


def index_of(choice: JSONObject, default: int) -> int:
    """The index of a choice, or the default if it has no valid one."""
    given = choice.get("index")
    return given if is_index(given) else default


def objects(given: Any) -> list[JSONObject]:
    """The objects in a list. Empty if the value is not a list."""
    return [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []


def new_call_id() -> str:
    """A new id for a tool call without one."""
    return f"call_{secrets.token_hex(12)}"


def finish_reason(given: Any, *, has_tool_calls: bool) -> str | None:
    """One of the five finish reasons of the reference; None while the choice continues.

    A choice with tool calls that "stopped" has the reason "tool_calls".
    """
    if not given:
        return None
    word = str(given).lower()
    reason = word if word in _FINISH_REASONS else _FINISH_REASON_OF.get(word, "stop")
    return "tool_calls" if has_tool_calls and reason == "stop" else reason


def arguments_text(given: Any) -> str:
    """The arguments of a call as JSON text. Some upstreams send an object instead."""
    if given is None:
        return ""
    return given if isinstance(given, str) else msgspec.json.encode(given).decode()


def usage_of(given: Any) -> Usage | None:
    """The upstream's count; None if it is missing or invalid."""
    if not isinstance(given, dict):
        return None
    prompt, completion = _tokens(given, "prompt_tokens"), _tokens(given, "completion_tokens")
    if not prompt and not completion:
        return None
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=_tokens(given.get("prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=_tokens(given.get("completion_tokens_details"), "reasoning_tokens"),
    )


def usage_body(usage: Usage, given: Any) -> JSONObject:
    """The `usage` object for the client: always the three counts, and further fields of the upstream."""
    extra = given if isinstance(given, dict) else {}
    total = usage.prompt_tokens + usage.completion_tokens
    counts = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens, "total_tokens": total}
    return {**counts, **{name: value for name, value in extra.items() if name not in counts}}


def _tokens(given: Any, name: str) -> int:
    value = given.get(name) if isinstance(given, dict) else None
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return min(max(value, 0), 2_147_483_647)
