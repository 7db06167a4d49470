"""A host whose own views stand below our prefix, so that they take the pooled path, and beside it."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from django.core.cache import caches
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import include, path

from threadless import urls
from threadless.server.asgi.connection import META_KEY

trace: ContextVar[str] = ContextVar("trace", default="")
cache_clients: list[Any] = []


def pooled(request: HttpRequest) -> JsonResponse:
    """Which path the request took."""
    return JsonResponse({"pooled": META_KEY in request.META, "thread": threading.current_thread().name})


def remember(request: HttpRequest) -> HttpResponse:
    """Set a context variable and return the value before."""
    before = trace.get()
    trace.set(request.META["QUERY_STRING"])
    return HttpResponse(before)


def cached(request: HttpRequest) -> HttpResponse:
    """Note the client of the cache."""
    cache_clients.append(caches["default"])
    return HttpResponse()


async def loop_of_view(request: HttpRequest) -> HttpResponse:
    """Where an async view runs."""
    return HttpResponse(str(id(asyncio.get_running_loop())))


def fail(request: HttpRequest) -> HttpResponse:
    raise ValueError("broken view")


def leave_process(request: HttpRequest) -> HttpResponse:
    sys.exit(3)


def count_to_three(request: HttpRequest) -> StreamingHttpResponse:
    """A stream that only a thread can read."""

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            yield b"%d %b\n" % (number, threading.current_thread().name.encode())

    return StreamingHttpResponse(pieces())


ours = [
    path("pooled", pooled),
    path("remember", remember),
    path("cached", cached),
    path("loop", loop_of_view),
    path("fail", fail),
    path("exit", leave_process),
    path("count", count_to_three),
    *urls.urlpatterns,
]
urlpatterns = [
    path("api/v1/", include((ours, urls.app_name))),
    path("pages/pooled", pooled),
]
