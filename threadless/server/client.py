"""`Client`: what the server tells us about the client of a request."""

from __future__ import annotations

from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest


class Client:
    """The client that waits for an answer."""

    __slots__ = ("is_async", "socket")

    def __init__(self, request: HttpRequest) -> None:
        self.is_async = isinstance(request, ASGIRequest)
        """True if the request came through ASGI: Django cancels the waiting task when the client leaves."""
        self.socket: Any = request.META.get("gunicorn.socket")
        """The client's socket, which gunicorn puts into the WSGI environ; None under other servers."""
