"""Middleware of a host: a slow one that is sync, and one that is only async."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import async_only_middleware

has_entered = threading.Event()
may_go_on = threading.Event()


def slow(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Waits until the test lets it go on."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        has_entered.set()
        may_go_on.wait(10)
        return get_response(request)

    return middleware


@async_only_middleware
def naming_its_loop(
    get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]],
) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    """Names the event loop in which it runs."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        response = await get_response(request)
        response.headers["X-Loop"] = str(id(asyncio.get_running_loop()))
        return response

    return middleware


def with_cookie(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Sets a cookie."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.set_cookie("seen", "yes")
        return response

    return middleware
