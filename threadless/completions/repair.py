"""Normalizes malformed parts of choices, in the same way for whole answers and for chunks."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any, Final, TypeGuard

from threadless.types import JSONObject

_SANE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")

_VERY_UNLIKELY: Final = -9999.0
"""The log probability that the reference uses for very unlikely tokens. JSON has no minus infinity."""


def new_completion_id() -> str:
    """A new id in the format of the OpenAI API."""
    return f"chatcmpl-{secrets.token_hex(16)}"


def completion_id(given: Any) -> str:
    """The upstream's id if it is safe to show and store, otherwise a new one."""
    return given if isinstance(given, str) and _SANE_ID.fullmatch(given) else new_completion_id()


def created(given: Any) -> int:
    """The upstream's Unix time if it is valid, otherwise the current time."""
    if isinstance(given, float) and given.is_integer():
        given = int(given)
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


def repair_texts(message: JSONObject) -> None:
    """Join the content of a message or delta in place if it is a list of parts, as Mistral sends it.

    Parts of the type "thinking" are reasoning.
    """
    content = message.get("content")
    if not isinstance(content, list):
        return
    parts = objects(content)
    message["content"] = "".join(_text_of(part) for part in parts if part.get("type") != "thinking")
    thinking = [item for part in parts for item in objects(part.get("thinking"))]
    if thinking and not message.get("reasoning_content"):
        message["reasoning_content"] = "".join(map(_text_of, thinking))


def repair_logprobs(choice: JSONObject) -> None:
    """Complete the log probabilities of a choice in place. SDKs require a number and `top_logprobs` for each token."""
    logprobs = choice["logprobs"]
    if not isinstance(logprobs, dict):
        choice["logprobs"] = None
        return
    for name in ("content", "refusal"):
        for token in objects(logprobs.get(name)):
            tops = token["top_logprobs"] = objects(token.get("top_logprobs"))
            for each in (token, *tops):
                _repair_token(each)


def _repair_token(token: JSONObject) -> None:
    probability = token.get("logprob")
    if not isinstance(probability, int | float) or isinstance(probability, bool):
        token["logprob"] = _VERY_UNLIKELY
    if not isinstance(token.get("bytes"), list):
        token["bytes"] = None


def _text_of(part: JSONObject) -> str:
    text = part.get("text")
    return text if isinstance(text, str) else ""
