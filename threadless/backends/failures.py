"""Translates failures of an upstream into errors for the client, without secrets of the operator."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from django.utils.http import parse_http_date

from threadless.backends.upstream import CallRedactor, SSEDecoder
from threadless.completions.reading import error_of, text_error
from threadless.exceptions import (
    NO_RETRY,
    APIError,
    InsufficientQuota,
    InvalidRequest,
    RateLimited,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
    retry_headers,
)
from threadless.types import JSONObject, JSONValue

_ABOUT_THE_REQUEST: Final = frozenset({400, 413, 422})
_RATE_LIMITED: Final = 429
_TIMED_OUT: Final = frozenset({408, 504})
_UNAVAILABLE: Final = frozenset({503, 529})
"""Some providers use 529 for "overloaded"."""
_PERMANENT: Final = frozenset({301, 302, 307, 308, 401, 402, 403, 404, 405, 410})
"""The configuration or the account is wrong. Another attempt would have the same result."""

_STATUS_BY_WORD: Final = {
    **dict.fromkeys(
        ("invalidrequesterror", "badrequesterror", "invalidargument", "validationexception", "contextlengthexceeded"),
        400,
    ),
    **dict.fromkeys(("contentfilter", "invalidprompt", "invalidrequestmessage", "stringabovemaxlength"), 400),
    **dict.fromkeys(("authenticationerror", "unauthenticated", "invalidapikey"), 401),
    **dict.fromkeys(("permissionerror", "permissiondenied", "accessdeniedexception"), 403),
    **dict.fromkeys(("notfounderror", "modelnotfound", "notfound", "resourcenotfoundexception"), 404),
    **dict.fromkeys(("ratelimiterror", "ratelimitexceeded", "toomanyrequests", "throttlingexception"), 429),
    **dict.fromkeys(("resourceexhausted", "throttling", "insufficientquota", "exceededcurrentquotaerror"), 429),
    **dict.fromkeys(("overloadederror", "overloaded", "serviceunavailable", "serviceunavailableerror"), 503),
    **dict.fromkeys(("unavailable", "engineoverloadederror", "serviceunavailableexception"), 503),
    **dict.fromkeys(("timeout", "timeouterror", "gatewaytimeout", "deadlineexceeded", "requesttimeout"), 504),
}
"""An error in a stream has no HTTP status, so its `type` or `code` decides. Compared without case and punctuation."""
_NO_QUOTA: Final = frozenset(
    {"insufficientquota", "exceededcurrentquotaerror", "insufficientbalance", "billinghardlimitreached"}
)
_SECONDS: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_MAX_MESSAGE: Final = 2000
_MAX_WORD: Final = 200
"""Maximum length of `type`, `param` and `code`."""
_MAX_DETAILS_BYTES: Final = 8192
_DEFAULT_RETRY: Final = retry_headers(1)
_OWN_KEYS: Final = frozenset({"message", "type", "param", "code", "error", "detail", "object", "errors"})
_INTERNALS: Final = frozenset(
    {"stack", "stacktrace", "stack_trace", "trace", "traceback", "debug", "headers", "request", "exception", "cause"}
    | {"raw", "body", "input", "file", "path", "sql"}
)
"""Details that may describe the upstream's insides, or repeat the request."""


def failure_of(status: int, body: bytes, headers: Mapping[str, str], redact: CallRedactor) -> APIError:
    """The error for an unsuccessful HTTP answer of an upstream. Header names are in lower case."""
    return failure_of_error(status, read_error(body), headers, redact)


def failure_of_error(status: int, error: JSONObject, headers: Mapping[str, str], redact: CallRedactor) -> APIError:
    """The same for an error that was read before."""
    return _failure(status, error, _retry_headers(headers) or _retry_info(error), redact, f"status {status}")


def failure_in_answer(error: JSONObject, redact: CallRedactor) -> APIError:
    """The error for an error in an answer or a stream with a successful HTTP status, as `reading` returns it."""
    words = (error.get("status"), error.get("code"), error.get("type"))
    status = next((found for word in words if (found := _status_of(word))), 502)
    return _failure(status, error, {}, redact, "an error in the answer")


def read_error(body: bytes) -> JSONObject:
    """The error in the body of an unsuccessful HTTP answer; empty if there is none."""
    data = _event_in(body) or body
    try:
        return error_of(msgspec.json.decode(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return text_error(data)


def _event_in(body: bytes) -> bytes:
    """The data of the event with the error: some gateways answer a request for a stream only with events."""
    if not body.lstrip().startswith((b"data:", b"event:")):
        return b""
    decoder = SSEDecoder(sys.maxsize)
    events = [event for event in [*decoder.feed(body), *decoder.flush()] if not event.data.startswith(b"[DONE]")]
    events.sort(key=lambda event: event.name == b"error")
    return events[-1].data if events else b""


def _failure(status: int, error: JSONObject, headers: dict[str, str], redact: CallRedactor, cause: str) -> APIError:
    failure = _failure_of_status(status, error, headers, redact)
    failure.log_detail = _log_detail(cause, error, redact)
    return failure


def _log_detail(cause: str, error: JSONObject, redact: CallRedactor) -> str:
    """For the operator: what the upstream said, without secrets and without the client's words."""
    words = {name: redact.logged(error[name])[:_MAX_WORD] for name in ("type", "code") if error.get(name)}
    text = redact.logged(error.get("message") or "")
    named = "".join(f", {name} {word!r}" for name, word in words.items() if word)
    return f"{cause}{named}{': ' if text else ''}{text}"


def _failure_of_status(status: int, error: JSONObject, headers: dict[str, str], redact: CallRedactor) -> APIError:
    if status in _ABOUT_THE_REQUEST:
        return _invalid_request(error, redact)
    if status == _RATE_LIMITED:
        if not _NO_QUOTA.isdisjoint((_key(error.get("code")), _key(error.get("type")))):
            return InsufficientQuota("The quota of the model is used up.")
        message = "The model is receiving too many requests. Please try again later."
        return RateLimited(message, headers=headers or _DEFAULT_RETRY)
    if status in _UNAVAILABLE:
        return UpstreamUnavailable("The model is overloaded or unavailable.", headers=headers)
    if status in _TIMED_OUT:
        return UpstreamTimeout("The model took too long to answer.")
    return UpstreamError(headers=NO_RETRY if status in _PERMANENT else None)


def _invalid_request(error: JSONObject, redact: CallRedactor) -> InvalidRequest:
    def text(name: str, limit: int = _MAX_WORD) -> str | None:
        value = error.get(name)
        redacted = redact.text(value) if isinstance(value, str) else None
        return redacted[:limit] if redacted else None

    failure = InvalidRequest(
        text("message", _MAX_MESSAGE) or "The model refused the request.",
        param=text("param"),
        code=text("code"),
        type=text("type"),
    )
    failure.details = _details_of(error, redact)
    return failure


def _details_of(error: JSONObject, redact: CallRedactor) -> JSONObject:
    """Objects of the error, such as Azure's `innererror` with the results of its content filter, and its status."""
    found = {
        name: value
        for name, value in error.items()
        if name not in _OWN_KEYS | _INTERNALS and (isinstance(value, dict) or name in ("status", "details"))
    }
    details: JSONObject = redact.value(_without_internals(found))
    return details if len(msgspec.json.encode(details)) <= _MAX_DETAILS_BYTES else {}


def _without_internals(value: JSONValue) -> JSONValue:
    if isinstance(value, dict):
        return {name: _without_internals(item) for name, item in value.items() if name.lower() not in _INTERNALS}
    return [_without_internals(item) for item in value] if isinstance(value, list) else value


def _key(word: Any) -> str:
    """The word without case and punctuation."""
    return "".join(filter(str.isalnum, word.lower())) if isinstance(word, str) else ""


def _status_of(word: Any) -> int | None:
    if isinstance(word, int) and 400 <= word < 600:
        return word
    if isinstance(word, str):
        return int(word) if word.isdecimal() and len(word) == 3 else _STATUS_BY_WORD.get(_key(word))
    return None


def _retry_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The upstream's retry headers in both formats; empty if it sent none that is valid."""
    after, after_ms = headers.get("retry-after", "").strip(), headers.get("retry-after-ms", "").strip()
    if _SECONDS.fullmatch(after_ms):
        return retry_headers(float(after_ms) / 1000)
    if _SECONDS.fullmatch(after):
        return retry_headers(float(after))
    seconds = _seconds_until(after)
    return {} if seconds is None else retry_headers(seconds)


def _retry_info(error: JSONObject) -> dict[str, str]:
    """The same from a `google.rpc.RetryInfo` in the error: Gemini sends no headers."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and _SECONDS.fullmatch(seconds := delay.removesuffix("s")):
            return retry_headers(float(seconds))
    return {}


def _seconds_until(date: str) -> float | None:
    """The seconds from now until an HTTP date; None if it is invalid."""
    try:
        return max(parse_http_date(date) - time.time(), 0)
    except ValueError:
        return None
