"""What upstreams get wrong in choices, mended alike for answers and for chunks: fields in place change, others stay."""

from __future__ import annotations

import secrets
import time
from typing import Any, Final, TypeGuard

import msgspec

from threadless.types import JSONObject, Usage

_FINISH_REASONS: Final = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
_FINISH_REASON_OF: Final = {"max_tokens": "length", "tool_use": "tool_calls", "safety": "content_filter"}
"""Words of other APIs for the five of the reference; any further one means that the model just stopped."""


def new_completion_id() -> str:
    """An id in the form of the OpenAI API."""
    return f"chatcmpl-{secrets.token_hex(16)}"


def completion_id(given: Any) -> str:
    """The upstream's id if it has the usual form."""
    return given if isinstance(given, str) and given.startswith("chatcmpl-") else new_completion_id()


def created(given: Any) -> int:
    """The upstream's time if it is one, else now."""
    return given if is_index(given) and given > 0 else int(time.time())


def is_index(given: Any) -> TypeGuard[int]:
    """True for a whole number from 0; a boolean is none."""
    return isinstance(given, int) and not isinstance(given, bool) and given >= 0


def index_of(choice: JSONObject, default: int) -> int:
    """The index of a choice, the default where it has none."""
    given = choice.get("index")
    return given if is_index(given) else default


def objects(given: Any) -> list[JSONObject]:
    """The objects of a list; none of anything else."""
    return [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []


def new_call_id() -> str:
    """An id for a tool call whose upstream gave none."""
    return f"call_{secrets.token_hex(12)}"


def finish_reason(given: Any, *, has_tool_calls: bool) -> str | None:
    """One of the five reasons of the reference, or None while the choice goes on.

    A choice that called tools and "stopped" is waiting for their answers.
    """
    if not given:
        return None
    word = str(given).lower()
    reason = word if word in _FINISH_REASONS else _FINISH_REASON_OF.get(word, "stop")
    return "tool_calls" if has_tool_calls and reason == "stop" else reason


def arguments_text(given: Any) -> str:
    """Arguments of a call as JSON text; some upstreams send the object itself."""
    if given is None:
        return ""
    return given if isinstance(given, str) else msgspec.json.encode(given).decode()


def usage_of(given: Any) -> Usage | None:
    """The upstream's own count, None if it gave none that can be read."""
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
    """`usage` as the client sees it: the upstream's own fields where it gave them, the three counts always."""
    extra = given if isinstance(given, dict) else {}
    total = usage.prompt_tokens + usage.completion_tokens
    counts = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens, "total_tokens": total}
    return {**counts, **{name: value for name, value in extra.items() if name not in counts}}


def _tokens(given: Any, name: str) -> int:
    value = given.get(name) if isinstance(given, dict) else None
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return min(max(value, 0), 2_147_483_647)
