"""What an upstream's failure becomes for the client: honest about the request, silent about the operator's secrets."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote_from_bytes, urlsplit

import msgspec
from django.utils.http import parse_http_date

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
"""529 is what some providers say for overloaded."""

_STATUS_BY_WORD: Final = {
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "overloaded_error": 503,
    "timeout": 504,
}
"""An error event in a stream has no HTTP status; its `type` or `code` tells as much."""
_SECONDS: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_MAX_MESSAGE: Final = 2000
_MAX_WORD: Final = 200
"""For `type`, `param` and `code`."""
_MIN_SECRET: Final = 8
"""A shorter value of a configured header is no secret, and might be a part of any word."""
_DEFAULT_RETRY: Final = {"Retry-After": "1", "retry-after-ms": "1000"}


class Redactor:
    """Takes an upstream's key, URL and host out of text that a client will see."""

    def __init__(self, base_url: str, api_key: str, others: Iterable[str] = ()) -> None:
        parts = urlsplit(base_url)
        address = parts.netloc.rpartition("@")[2]
        plain_url = base_url.replace(parts.netloc, address).rstrip("/")
        secrets = {api_key, base_url.rstrip("/"), plain_url, parts.netloc, address, parts.hostname or ""}
        secrets.add(parts.password or "")
        secrets |= {other for other in others if len(other) >= _MIN_SECRET}
        # Longest first, so that a URL goes as a whole before its host does.
        ordered = sorted((secret for secret in secrets if len(secret) > 1), key=len, reverse=True)
        pattern = "|".join("".join(map(_spellings, secret)) for secret in ordered)
        self._pattern = re.compile(pattern or "(?!)", re.IGNORECASE)

    def __call__(self, text: str) -> str:
        """The text with every occurrence replaced, in any letter case, URL-encoded in part, as a whole or twice."""
        return self._pattern.sub("[redacted]", text)


def _spellings(character: str) -> str:
    """A pattern for one character as it is and URL-encoded."""
    forms = {quote_from_bytes(form.encode(), safe="") for form in (character, character.lower(), character.upper())}
    encoded = {form if form.startswith("%") else f"%{ord(form):02X}" for form in forms}
    return f"(?:{'|'.join([re.escape(character), *sorted(form.replace('%', '%(?:25)*') for form in encoded)])})"


def failure_of(status: int, body: bytes, headers: Mapping[str, str], redact: Redactor) -> APIError:
    """The error for an upstream's HTTP answer other than a success. Header names are in lower case."""
    failure = _failure(status, _error_of(body), _retry_headers(headers), redact)
    failure.log_detail = f"The upstream answered with HTTP status {status}."
    return failure


def failure_in_answer(error: JSONValue, redact: Redactor) -> APIError:
    """The error for an `error` object inside an answer or a stream whose HTTP status was a success."""
    details = error if isinstance(error, dict) else {"message": str(error)}
    words = (details.get("status"), details.get("code"), details.get("type"))
    status = next((found for word in words if (found := _status_of(word))), 502)
    failure = _failure(status, details, {}, redact)
    failure.log_detail = f"The upstream sent an error inside its answer, taken as HTTP status {status}."
    return failure


def _failure(status: int, error: JSONObject, headers: dict[str, str], redact: Redactor) -> APIError:
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


def _invalid_request(error: JSONObject, redact: Redactor) -> InvalidRequest:
    def text(name: str, limit: int = _MAX_WORD) -> str | None:
        value = error.get(name)
        return redact(value)[:limit] if isinstance(value, str) and value else None

    return InvalidRequest(
        text("message", _MAX_MESSAGE) or "The model refused the request.",
        param=text("param"),
        code=text("code"),
        type=text("type"),
    )


def _error_of(body: bytes) -> JSONObject:
    """The error object of a body in any of the usual forms; empty if there is none."""
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
    """The upstream's word on when to try again, in both forms where it is a number of seconds."""
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
