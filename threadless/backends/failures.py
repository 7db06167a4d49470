"""Translates failures of an upstream into errors for the client, without secrets of the operator."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from django.utils.http import parse_http_date

from threadless.backends.upstream import CallRedactor
from threadless.exceptions import (
    APIError,
    InvalidRequest,
    RateLimited,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from threadless.types import JSONObject, JSONValue

_ABOUT_THE_REQUEST: Final = frozenset({400, 413, 422})
_RATE_LIMITED: Final = 429
_TIMED_OUT: Final = frozenset({408, 504})
_UNAVAILABLE: Final = frozenset({503, 529})
"""Some providers use 529 for "overloaded"."""

_STATUS_BY_WORD: Final = {
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "overloaded_error": 503,
    "timeout": 504,
}
"""An error event in a stream has no HTTP status, so its `type` or `code` decides."""
_SECONDS: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_MAX_MESSAGE: Final = 2000
_MAX_WORD: Final = 200
"""Maximum length of `type`, `param` and `code`."""
_DEFAULT_RETRY: Final = {"Retry-After": "1", "retry-after-ms": "1000"}


def failure_of(status: int, body: bytes, headers: Mapping[str, str], redact: CallRedactor) -> APIError:
    """The error for an unsuccessful HTTP answer of an upstream. Header names are in lower case."""
    return _failure(status, _error_of(body), _retry_headers(headers), redact)


def failure_in_answer(error: JSONValue, redact: CallRedactor) -> APIError:
    """The error for an `error` object in an answer or a stream with a successful HTTP status."""
    details = error if isinstance(error, dict) else {"message": str(error)}
    words = (details.get("status"), details.get("code"), details.get("type"))
    status = next((found for word in words if (found := _status_of(word))), 502)
    return _failure(status, details, {}, redact)


def _failure(status: int, error: JSONObject, headers: dict[str, str], redact: CallRedactor) -> APIError:
    failure = _failure_of_status(status, error, headers, redact)
    words = (redact.text(word) or "" for word in (error.get("type"), error.get("code")) if isinstance(word, str))
    failure.log_detail = " ".join([f"the upstream failed with status {status}", *words])[:_MAX_WORD]
    return failure


def _failure_of_status(status: int, error: JSONObject, headers: dict[str, str], redact: CallRedactor) -> APIError:
    if status in _ABOUT_THE_REQUEST:
        return _invalid_request(error, redact)
    if status == _RATE_LIMITED:
        message = "The model is receiving too many requests. Please try again later."
        return RateLimited(message, headers=headers or _DEFAULT_RETRY)
    if status in _UNAVAILABLE:
        return UpstreamUnavailable("The model is overloaded or unavailable.", headers=headers)
    if status in _TIMED_OUT:
        return UpstreamTimeout("The model took too long to answer.")
    return UpstreamError()


def _invalid_request(error: JSONObject, redact: CallRedactor) -> InvalidRequest:
    def text(name: str, limit: int = _MAX_WORD) -> str | None:
        value = error.get(name)
        redacted = redact.text(value) if isinstance(value, str) else None
        return redacted[:limit] if redacted else None

    return InvalidRequest(
        text("message", _MAX_MESSAGE) or "The model refused the request.",
        param=text("param"),
        code=text("code"),
        type=text("type"),
    )


def _error_of(body: bytes) -> JSONObject:
    """The error object of a body in any of the common formats; empty if there is none."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    if not isinstance(decoded, dict):
        return {}
    error = decoded.get("error", decoded)
    if isinstance(error, str):
        return {"message": error}
    if not isinstance(error, dict):
        return {}
    return error if "message" in error else {**error, "message": error.get("detail")}


def _status_of(word: Any) -> int | None:
    if isinstance(word, int) and 400 <= word < 600:
        return word
    if isinstance(word, str):
        return int(word) if word.isdecimal() and len(word) == 3 else _STATUS_BY_WORD.get(word)
    return None


def _retry_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The upstream's retry headers. A number of seconds is returned in both formats."""
    after, after_ms = headers.get("retry-after", "").strip(), headers.get("retry-after-ms", "").strip()
    found = {}
    if _SECONDS.fullmatch(after) or _is_date(after):
        found["Retry-After"] = after
    if _SECONDS.fullmatch(after_ms):
        found["retry-after-ms"] = after_ms
    elif _SECONDS.fullmatch(after):
        found["retry-after-ms"] = str(round(float(after) * 1000))
    if "Retry-After" not in found and found:
        found["Retry-After"] = str(math.ceil(float(after_ms) / 1000))
    return found


def _is_date(text: str) -> bool:
    try:
        parse_http_date(text)
    except ValueError:
        return False
    return True
