"""`get_asgi_application()`: Django's ASGI application, with a shorter path for our own routes.

Django's handler starts a thread for each request and changes threads for each middleware that is not async. Here one
pooled thread runs the ordinary sync middleware chain and the view, while the event loop reads the body, watches the
client and sends the response. A call takes about half of the time that it takes with Django's handler.
"""

from __future__ import annotations

import asyncio
import logging
from functools import lru_cache
from typing import Any, Final

from django.core.asgi import get_asgi_application as get_django_application
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.urls import ResolverMatch, get_resolver
from django.urls.exceptions import Resolver404

from threadless.api.headers import PRIVATE, new_request_id
from threadless.calls.running import end_calls, wait_for_calls
from threadless.conf import conf
from threadless.dialects.base import error_body
from threadless.encoding import encode
from threadless.exceptions import APIError
from threadless.server import graceful
from threadless.server.asgi.connection import ClientDisconnected, Connection, Receive, Scope, Send
from threadless.server.asgi.exchange import Exchange, RequestBody
from threadless.server.asgi.pool import pool
from threadless.server.asgi.sending import send_body
from threadless.server.memory import Reservation
from threadless.server.routes import load_routes

logger = logging.getLogger("threadless")

_SHUTDOWN_SECONDS: Final = 3.0
"""How long the end of the server waits until the last calls are settled."""
_MAX_PATHS: Final = 1024


def get_asgi_application() -> Application:
    """The application for a host's `asgi.py`, in place of the function of the same name in `django.core.asgi`."""
    application = Application(get_django_application())
    load_routes()
    return application


class Application:
    """Sends each request to our handler if its path is one of ours, and to Django's own handler otherwise."""

    def __init__(self, django_application: ASGIHandler) -> None:
        self._django: Any = django_application
        self._pooled = PooledHandler()
        self._find = lru_cache(_MAX_PATHS)(_find_route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http" and (route := self._route(scope)):
            await self._pooled.serve(scope, receive, send, route)
        else:
            await self._django(scope, receive, send)

    def _route(self, scope: Scope) -> ResolverMatch | None:
        try:
            return self._find(_path_of(scope))
        except Exception:  # noqa: BLE001  (Django's handler raises it again and reports it)
            return None


def _path_of(scope: Scope) -> str:
    """The path below the script name, like `ASGIRequest.path_info`."""
    path: str = scope["path"]
    prefix = get_script_prefix(scope).rstrip("/")
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path


def _find_route(path: str) -> ResolverMatch | None:
    """The route of this path if it belongs to `threadless.urls`, under any prefix; otherwise None."""
    try:
        match = get_resolver().resolve(path)
    except Resolver404:
        return None
    return match if "threadless" in match.app_names else None


async def _live(receive: Receive, send: Send) -> None:
    """The lifespan protocol: https://asgi.readthedocs.io/en/latest/specs/lifespan.html"""
    while (await receive())["type"] == "lifespan.startup":
        await graceful.install_in_event_loop(end_calls)
        await send({"type": "lifespan.startup.complete"})
    await asyncio.to_thread(wait_for_calls, _SHUTDOWN_SECONDS)
    await asyncio.to_thread(pool.retire)
    await send({"type": "lifespan.shutdown.complete"})


class PooledHandler(ASGIHandler):
    """Runs the host's middleware, in its sync form, and the view in a thread of the pool."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Load the middleware as under WSGI. Async-only middleware is adapted and runs in the event loop."""
        super().load_middleware(is_async=False)

    async def serve(self, scope: Scope, receive: Receive, send: Send, route: ResolverMatch) -> None:
        """Answer one request."""
        if not graceful.is_installed_in_loop:
            await graceful.install_in_event_loop(end_calls)
        connection = Connection(receive)
        with Reservation() as reservation:
            try:
                body = RequestBody(await connection.read_body(scope, reservation))
                await Exchange(self, scope, connection, send).run(body, reservation)
            except ClientDisconnected:
                return
            except APIError as refusal:
                await _refuse(refusal, send, route)


async def _refuse(refusal: APIError, send: Send, route: ResolverMatch) -> None:
    """Answer a request that gets no thread, in the error format of its API."""
    dialects = [dialect() for dialect in conf.dialects if dialect.name == route.url_name]
    body = encode(dialects[0].error_body(refusal) if dialects else error_body(refusal))
    request_id = new_request_id()
    logger.warning("Request %s was refused (%s): %s", request_id, refusal.code, refusal.message)
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "x-request-id": request_id}
    encoded = [(name.encode(), value.encode()) for name, value in (PRIVATE | headers | refusal.headers).items()]
    await send({"type": "http.response.start", "status": refusal.status_code, "headers": encoded})
    await send_body(send, body)
