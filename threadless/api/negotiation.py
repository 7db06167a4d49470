"""Content negotiation that ignores `Accept`: SDKs send `application/json` even for streams."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from threadless.api.underlying import django_request


def wants_page(request: Request) -> bool:
    """True for a GET by a signed-in browser, if the host has templates."""
    if not _is_of_browser(request):
        return False
    user = getattr(django_request(request), "user", None)
    return user is not None and user.is_authenticated and _has_templates()


def asks_for_page(request: Request) -> bool:
    """True for a GET by a browser, signed in or not, if the host has templates."""
    return _is_of_browser(request) and _has_templates()


def _is_of_browser(request: Request) -> bool:
    if django_request(request).method != "GET" or "text/html" not in request.META.get("HTTP_ACCEPT", "").lower():
        return False
    return not request.META.get("HTTP_AUTHORIZATION", "").strip().lower().startswith("bearer")


def _has_templates() -> bool:
    try:
        get_template("rest_framework/base.html")
    except TemplateDoesNotExist:
        return False
    return True


class AnyNegotiation(BaseContentNegotiation):
    """Chooses JSON, or the browsable page if `wants_page` is true."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        return next(iter(parsers), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        choices = list(renderers)
        renderer = choices[-1] if wants_page(request) else choices[0]
        return renderer, renderer.media_type or "application/json"
