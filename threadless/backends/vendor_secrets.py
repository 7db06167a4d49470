"""Finds and removes what an SDK's exception reveals of the operator: keys, addresses, accounts and resource names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from threadless.backends.upstream import Redactor

_PLACEHOLDER: Final = "[redacted]"
_LOOKS_SECRET: Final = re.compile(
    r"""
    https?://[^\s"'<>)]*[^\s"'<>).,;:]                       # an address, parts of which may be redacted already
    | \barn:[\w-]*:[^\s"',;)\]]+                              # AWS: account and resource
    | \bprojects/[\w.:-]+(?:/[\w.-]+)*                        # Google: project and resource
    | \b(?:sk|pk|rk|gsk|xai|key|org|proj|acct|hf)[-_][\w*.-]{8,}  # keys and accounts, also masked with asterisks
    | \bAIza[\w*-]{8,} | \bya29\.[\w.*-]{8,} | \b(?:AKIA|ASIA)[A-Z0-9]{8,}
    | \bBearer\s+[^\s"',;]+
    | \b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b                    # an internal address
    """,
    re.VERBOSE,
)
_KEY_HEADERS: Final = ("authorization", "api-key", "x-api-key", "x-goog-api-key", "proxy-authorization", "cookie")


class VendorRedactor(Redactor):
    """Removes the given secrets, and everything that looks like a key, an address or an account."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__("", "", secrets)

    def __call__(self, text: str) -> str:
        return _LOOKS_SECRET.sub(_PLACEHOLDER, super().__call__(text))


def secrets_of(error: BaseException) -> list[str]:
    """Key and address of the request that an exception of an HTTP client or SDK refers to."""
    return [secret for request in _requests_of(error) for secret in _secrets_in(request)]


def _requests_of(error: BaseException) -> Iterator[Any]:
    for holder in (error, getattr(error, "response", None)):
        try:
            request = getattr(holder, "request", None)
        except RuntimeError:  # httpx raises if there is none
            request = None
        if request is not None:
            yield request


def _secrets_in(request: Any) -> Iterator[str]:
    address = str(getattr(request, "url", "") or "")
    parts = urlsplit(address)
    yield from filter(None, (address, parts.netloc, parts.hostname, parts.query))
    headers = getattr(request, "headers", None)
    if isinstance(headers, Mapping):
        for name in _KEY_HEADERS:
            value = str(headers.get(name) or "")
            yield from filter(None, (value, value.partition(" ")[2]))
