"""`Accept` never decides the outcome: SDKs send JSON for streams, browsers and curl users `text/event-stream`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


def wants_page(request: Request) -> bool:
    """True for a browser's GET."""
    return request.method == "GET" and "text/html" in request.META.get("HTTP_ACCEPT", "").lower()


class AnyNegotiation(BaseContentNegotiation):
    """JSON always; the browsable page only for a GET that asks for HTML."""

    def select_parser(self, request: Request, parsers: Sequence[Any]) -> Any:
        return parsers[0] if parsers else None

    def select_renderer(
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = renderers[-1] if wants_page(request) else renderers[0]
        return renderer, renderer.media_type or "application/json"
