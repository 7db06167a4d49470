"""The headers on every answer of ours: request id, times, limits."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


def new_request_id() -> str:
    """An id of ours for the ledger and the upstream. A client could repeat its own, or copy a stranger's."""
    return f"req_{os.urandom(16).hex()}"


def client_request_id_of(request: HttpRequest) -> str:
    """The client's `X-Request-Id` if it is harmless, else an empty string."""
    value = request.META.get("HTTP_X_REQUEST_ID", "")
    return value if _REQUEST_ID.fullmatch(value) else ""


class Stopwatch:
    """Where the time of a request went, for `openai-processing-ms` and `Server-Timing`."""

    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()
        self._phases: list[tuple[str, float]] = []

    def lap(self, phase: str) -> None:
        """End a phase now."""
        now = time.perf_counter()
        self._phases.append((phase, now - self._last))
        self._last = now

    def add(self, phase: str, seconds: float | None) -> None:
        """A phase measured elsewhere."""
        if seconds is not None:
            self._phases.append((phase, seconds))

    def headers(self) -> dict[str, str]:
        """Milliseconds until now, and of each phase."""
        elapsed = time.perf_counter() - self._started
        timing = ", ".join(f"{phase};dur={seconds * 1000:.1f}" for phase, seconds in self._phases)
        return {"openai-processing-ms": str(round(elapsed * 1000))} | ({"Server-Timing": timing} if timing else {})


def set_headers(
    response: HttpResponseBase, request_id: str, stopwatch: Stopwatch, limits: Iterable[tuple[str, str]]
) -> None:
    """Put them on the response."""
    response.headers["x-request-id"] = request_id
    for name, value in stopwatch.headers().items():
        response.headers[name] = value
    for name, value in limits:
        response.headers[name] = value
