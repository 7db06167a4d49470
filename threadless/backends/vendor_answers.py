"""Reads the upstream's answer in an exception of an SDK: status, error and headers, wherever the SDK keeps them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from threadless.backends.failures import read_error
from threadless.backends.vendor_secrets import secrets_of
from threadless.completions.reading import error_of
from threadless.types import JSONObject

_MAX_BODY: Final = 1024 * 1024
_DELAY: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,9})?)s")

_LITELLM_PREFIX: Final = re.compile(r"(?:litellm\.\w+: )+(?:\w+ ?- )?")


class VendorAnswer(msgspec.Struct, kw_only=True):
    """What an upstream answered. `status` is 0 if the exception has none, as for an error within a stream."""

    status: int
    error: JSONObject
    """`message`, `type`, `param` and `code`, not yet redacted."""
    headers: Mapping[str, str]
    """Names in lower case."""
    secrets: list[str]
    is_of_llm: bool
    """True if the body has the form that LLM APIs use: an object in `error`, with a message."""


def read(error: BaseException) -> VendorAnswer:
    """The answer in an exception. What cannot be found is empty."""
    response = getattr(error, "response", None)
    return VendorAnswer(
        status=_status(error, response),
        error=_error(error, response),
        headers=_headers(error, response),
        secrets=secrets_of(error),
        is_of_llm=b'"error"' in (body := _body_of(response)) and "message" in read_error(body),
    )


def _status(error: BaseException, response: Any) -> int:
    metadata = response.get("ResponseMetadata") or {} if isinstance(response, dict) else {}
    candidates = (
        getattr(error, "status_code", None),
        metadata.get("HTTPStatusCode"),  # botocore
        getattr(response, "status_code", None),
        getattr(error, "code", None),  # Google
    )
    return next((int(found) for found in candidates if isinstance(found, int) and 400 <= found < 600), 0)


def _error(error: BaseException, response: Any) -> JSONObject:
    if isinstance(response, dict):  # botocore
        given = response.get("Error") or {}
        return {"message": given.get("Message"), "code": given.get("Code")}
    for body in (getattr(error, "body", None), getattr(error, "details", None)):
        if isinstance(body, dict) and (found := error_of(body)):
            return found
    if body := _body_of(response):
        return read_error(body)
    names = ("message", "code", "param", "status")
    found = {name: value for name in names if isinstance(value := getattr(error, name, None), str) and value}
    if "message" in found:
        found["message"] = _LITELLM_PREFIX.sub("", found["message"])
    kind = getattr(error, "error_type", None) or getattr(error, "type", None)
    return {**found, "type": kind} if isinstance(kind, str) else found


def _body_of(response: Any) -> bytes:
    """The body of a response that was read; empty for one that is a stream."""
    try:
        content = getattr(response, "content", b"")
    except Exception:  # noqa: BLE001  (httpx: the response was not read; requests: its connection has failed)
        return b""
    return content[:_MAX_BODY] if isinstance(content, bytes) else b""


def _headers(error: BaseException, response: Any) -> dict[str, str]:
    given = getattr(response, "headers", None) or getattr(error, "headers", None)
    if isinstance(response, dict):
        given = (response.get("ResponseMetadata") or {}).get("HTTPHeaders")
    headers = {str(name).lower(): str(value) for name, value in dict(given or {}).items()}
    seconds = getattr(error, "retry_after", None) or _google_delay(error)
    if seconds is not None and "retry-after" not in headers:
        headers["retry-after"] = str(seconds)
    return headers


def _google_delay(error: BaseException) -> float | None:
    """The seconds of Google's `RetryInfo`, as JSON (google-genai) or as a message (google-api-core)."""
    details = getattr(error, "details", None)
    body = details.get("error", details) if isinstance(details, dict) else {"details": details}
    items = body.get("details") if isinstance(body, dict) else None
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and (found := _DELAY.fullmatch(str(item.get("retryDelay")))):
            return float(found[1])
        if (delay := getattr(item, "retry_delay", None)) is not None:
            return float(delay.seconds)
    return None
