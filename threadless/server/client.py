"""The client's side of a request, as far as its server shows it."""

from __future__ import annotations

from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest


def is_async(request: HttpRequest) -> bool:
    """True if the request came through ASGI."""
    return isinstance(request, ASGIRequest)


def client_socket(request: HttpRequest) -> Any:
    """The client's socket, which gunicorn puts into the WSGI environ; None under other servers."""
    return request.META.get("gunicorn.socket")
