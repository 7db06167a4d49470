"""Middleware as hosts write it: around `streaming_content`, before the body is read, and for signed-in users only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase, StreamingHttpResponse


class CountingMiddleware:
    """Looks at each piece of a streamed body on its way out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers["X-Counted"] = "yes"
        if isinstance(response, StreamingHttpResponse):
            pieces: Any = response.streaming_content
            response.streaming_content = _counted_async(pieces) if response.is_async else _counted(pieces)
        return response


class BodyReadingMiddleware:
    """Reads the body of each request before the view does, as loggers and profilers do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        size = len(request.body)
        response = self.get_response(request)
        response.headers["X-Body-Size"] = str(size)
        return response


def _counted(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for number, piece in enumerate(pieces):
        yield b": piece %d\n%b" % (number, piece)


async def _counted_async(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    number = 0
    async for piece in pieces:
        yield b": piece %d\n%b" % (number, piece)
        number += 1


class MembersOnlyMiddleware(LoginRequiredMiddleware):
    """Sends everybody who is not signed in to the login page, save callers of the API, who have keys."""

    def process_view(self, request: HttpRequest, view: Any, arguments: Any, keywords: Any) -> HttpResponseBase | None:
        if request.path.startswith("/api/v1/"):
            return None
        return super().process_view(request, view, arguments, keywords)
