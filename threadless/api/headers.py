"""The headers of every answer: request id, times, limits."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.http import HttpRequest
from django.http.request import HttpHeaders
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

_CREDENTIALS: Final = ("Authorization", "Cookie")
"""The request headers that can decide who the caller is."""
PRIVATE: Final = {"Cache-Control": "private, no-store", "Vary": ", ".join(_CREDENTIALS)}
"""The headers of every answer that keep shared caches away."""
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


def new_request_id() -> str:
    """A new id for the ledger and the upstream. Clients could repeat their own ids or copy those of others."""
    return f"req_{os.urandom(16).hex()}"


def client_request_id_of(request: HttpRequest) -> str:
    """The client's `X-Request-Id` if it is valid, otherwise an empty string."""
    value = request.META.get("HTTP_X_REQUEST_ID", "")
    return value if _REQUEST_ID.fullmatch(value) else ""


class RequestHeaders(Mapping[str, str]):
    """The headers of a request by their names, in any case. `HttpRequest.headers` would copy all of them (60 µs)."""

    def __init__(self, meta: Mapping[str, Any]) -> None:
        self._meta = meta

    def __getitem__(self, name: str) -> str:
        value: str = self._meta[HttpHeaders.to_wsgi_name(name)]
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(HttpHeaders(self._meta))

    def __len__(self) -> int:
        return len(HttpHeaders(self._meta))


class Stopwatch:
    """Measures the phases of a request for `openai-processing-ms` and `Server-Timing`."""

    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()
        self._phases: list[tuple[str, float]] = []

    def lap(self, phase: str) -> None:
        """End the current phase under this name."""
        now = time.perf_counter()
        self._phases.append((phase, now - self._last))
        self._last = now

    def add(self, phase: str, seconds: float | None) -> None:
        """Add a phase that was measured elsewhere; None adds nothing."""
        if seconds is not None:
            self._phases.append((phase, seconds))

    def headers(self) -> dict[str, str]:
        """The two headers, in milliseconds."""
        elapsed = time.perf_counter() - self._started
        headers = {"openai-processing-ms": str(round(elapsed * 1000))}
        if self._phases:
            headers["Server-Timing"] = ", ".join([f"{name};dur={took * 1000:.1f}" for name, took in self._phases])
        return headers


def set_headers(response: HttpResponseBase, request_id: str, stopwatch: Stopwatch, limits: dict[str, str]) -> None:
    """Set the headers of a response.

    An answer is for one caller: a shared cache must not store it, and the cache of a browser must not mix up callers.
    """
    if "Vary" in response.headers:
        patch_vary_headers(response, _CREDENTIALS)
    for name, value in {"x-request-id": request_id, **stopwatch.headers(), **limits}.items():
        response.headers[name] = value
    for name, value in PRIVATE.items():
        response.headers.setdefault(name, value)
