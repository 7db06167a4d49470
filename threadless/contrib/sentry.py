"""Keeps message text and keys out of what Sentry receives, and names transactions after the path. Needs `sentry-sdk`.

sentry_sdk.init(dsn=…, before_send=scrub, before_send_transaction=scrub, before_breadcrumb=scrub_breadcrumb)
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve
from sentry_sdk.types import Breadcrumb, BreadcrumbHint, Event, Hint

_KEY: Final = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]+_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}")
"""The form of our keys. It begins at the start of a word only, so that a long text takes linear time."""
_REDACTED: Final = "[redacted]"
_SECRET_HEADERS: Final = ("authorization", "api-key", "cookie")
_BODY: Final = ("data", "cookies", "query_string")


def scrub(event: Event, hint: Hint) -> Event | None:  # noqa: ARG001
    """An event or a transaction without keys, local variables of frames, and the bodies of calls to our endpoints."""
    cleaned: Any = _clean(event)
    request = cleaned.get("request")
    if isinstance(request, dict):
        headers = request.get("headers") or {}
        request["headers"] = {name: _header(name, value) for name, value in headers.items()}
        path = urlsplit(request.get("url") or "").path
        if (name := _name_of(path)) is not None:
            for field in _BODY:
                request.pop(field, None)
            cleaned |= {"transaction": name, "transaction_info": {"source": "route"}}
    return cleaned  # type: ignore[no-any-return]


def scrub_breadcrumb(crumb: Breadcrumb, hint: BreadcrumbHint) -> Breadcrumb | None:  # noqa: ARG001
    """A breadcrumb without keys."""
    cleaned: Breadcrumb = _clean(crumb)
    return cleaned


def _clean(value: Any) -> Any:
    """A copy in which keys are redacted and frames have no local variables, which hold requests and answers."""
    if isinstance(value, dict):
        is_frame = "lineno" in value or "filename" in value
        return {name: _clean(item) for name, item in value.items() if not (is_frame and name == "vars")}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return _KEY.sub(_REDACTED, value) if isinstance(value, str) else value


def _header(name: str, value: Any) -> Any:
    return _REDACTED if any(secret in name.lower() for secret in _SECRET_HEADERS) else value


def _name_of(path: str) -> str | None:
    """The path of one of our endpoints, without what a client chose within it; None for other paths."""
    try:
        match = resolve(path)
    except Resolver404:
        return None
    if "threadless" not in match.app_names:
        return None
    if match.url_name == "unknown":
        return "an unknown path of threadless"
    for field, value in match.kwargs.items():
        path = path.replace(str(value), f"{{{field}}}")
    return path
