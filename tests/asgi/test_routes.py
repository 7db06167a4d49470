"""Which requests take our path, and that a host's own views find there what they find elsewhere."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.test import Client
from pytest_django import Settings

from tests.asgi import host_urls
from tests.support import factories
from tests.support.asgi import Conversation, ask, body_message
from tests.support.fixtures import Configure, IssueKey
from threadless.asgi import Application, get_asgi_application

pytestmark = pytest.mark.django_db(transaction=True)


def get(application: Application, path: str, **fields: Any) -> Conversation:
    """A whole GET."""
    return asyncio.run(ask(application, path, **fields))


@pytest.mark.parametrize(
    ("path", "is_pooled"), [("/api/v1/pooled", True), ("/pages/pooled", False), ("/api/v1/pooled/more", False)]
)
def test_only_our_routes_take_the_pooled_path(application: Application, path: str, is_pooled: bool) -> None:
    talk = get(application, path)

    assert (talk.status == 404) == path.endswith("more")
    assert b'"pooled": true' in talk.content or not is_pooled


@pytest.mark.parametrize(
    ("scope", "forced"),
    [({"root_path": "/pre"}, None), ({}, "/pre")],
    ids=["root_path", "FORCE_SCRIPT_NAME"],
)
def test_script_name_is_no_part_of_the_route(
    application: Application, settings: Settings, scope: dict[str, str], forced: str | None
) -> None:
    settings.FORCE_SCRIPT_NAME = forced
    talk = get(application, "/pre/api/v1/pooled", **scope)

    assert json.loads(talk.content)["pooled"] is True


def test_context_variable_of_a_view_does_not_reach_the_next_request(application: Application) -> None:
    get(application, "/api/v1/remember", query_string=b"first")

    assert get(application, "/api/v1/remember", query_string=b"second").content == b""


def test_context_variable_of_the_server_reaches_the_view(application: Application) -> None:
    async def ask_with_trace() -> Conversation:
        host_urls.trace.set("traced")
        return await ask(application, "/api/v1/remember")

    assert asyncio.run(ask_with_trace()).content == b"traced"


def test_requests_in_one_thread_share_the_clients_of_the_caches(application: Application, configure: Configure) -> None:
    configure(ASGI_THREADS=1)
    host_urls.cache_clients.clear()
    for _ in range(2):
        get(application, "/api/v1/cached")

    first, second = host_urls.cache_clients
    assert first is second


def test_async_view_runs_in_the_loop_of_the_server(application: Application) -> None:
    async def ask_here() -> tuple[int, bytes]:
        talk = await ask(application, "/api/v1/loop")
        return id(asyncio.get_running_loop()), talk.content

    loop, content = asyncio.run(ask_here())
    assert content.decode() == str(loop)


def test_async_only_middleware_runs_in_the_loop_of_the_server(host: None, settings: Settings) -> None:
    settings.MIDDLEWARE = ["tests.asgi.host_middleware.naming_its_loop", *settings.MIDDLEWARE]
    application = get_asgi_application()

    async def ask_here() -> tuple[int, Conversation]:
        return id(asyncio.get_running_loop()), await ask(application, "/api/v1/pooled")

    loop, talk = asyncio.run(ask_here())
    assert (talk.status, talk.headers["x-loop"]) == (200, str(loop))
    assert json.loads(talk.content)["pooled"] is True


def test_asgiref_has_the_names_that_we_set() -> None:
    from asgiref.sync import sync_to_async

    async def names() -> set[str]:
        return await sync_to_async(lambda: set(vars(SyncToAsync.threadlocal)), thread_sensitive=False)()

    assert {"main_event_loop", "main_event_loop_pid"} <= asyncio.run(names())


def test_exception_of_a_view_is_a_500(application: Application) -> None:
    talk = get(application, "/api/v1/fail")

    assert (talk.status, talk.is_complete) == (500, True)


def test_exit_in_a_view_does_not_end_the_server(application: Application) -> None:
    with pytest.raises(RuntimeError, match="SystemExit"):
        get(application, "/api/v1/exit")

    assert get(application, "/api/v1/pooled").status == 200


def test_stream_of_a_sync_generator_is_read_in_one_thread_of_the_pool(application: Application) -> None:
    talk = get(application, "/api/v1/count")

    numbers, names = zip(*(line.split() for line in talk.content.splitlines()), strict=True)
    assert (numbers, set(names)) == ((b"0", b"1", b"2"), {b"threadless-asgi"})
    assert len([message for message in talk.sent if message.get("body")]) == 3


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_models_are_listed(application: Application, issue_key: IssueKey, method: str) -> None:
    headers = {"Authorization": f"Bearer {issue_key()[1]}"}
    talk = get(application, "/api/v1/models", method=method, headers=headers)

    assert (talk.status, talk.headers["content-type"]) == (200, "application/json")


def test_browser_gets_the_page(application: Application) -> None:
    client = Client()
    client.force_login(factories.make_user(permissions=("write_chats",)))
    cookie = client.cookies["sessionid"].OutputString().partition(";")[0]
    headers = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Cookie": cookie}
    talk = get(application, "/api/v1/models", headers=headers)

    assert (talk.status, talk.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_cookie_of_a_middleware_is_sent(host: None, settings: Settings) -> None:
    settings.MIDDLEWARE = ["tests.asgi.host_middleware.with_cookie", *settings.MIDDLEWARE]

    assert get(get_asgi_application(), "/api/v1/pooled").headers["set-cookie"] == "seen=yes; Path=/"


def test_header_that_is_no_text_is_a_400(application: Application) -> None:
    assert get(application, "/api/v1/pooled", query_string=b"\xff").status == 400


def test_lifespan_is_answered(application: Application) -> None:
    talk = Conversation({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    asyncio.run(application({"type": "lifespan"}, talk.receive, talk.send))

    assert [message["type"] for message in talk.sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_websocket_is_refused_by_django(application: Application) -> None:
    talk = Conversation(body_message())
    with pytest.raises(ValueError, match="websocket"):
        asyncio.run(application({"type": "websocket", "path": "/api/v1/pooled"}, talk.receive, talk.send))
