"""What a call leaves with the packages that observe the platform: the right name, and no text of the conversation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from debug_toolbar.middleware import show_toolbar_func_or_path
from debug_toolbar.store import get_store
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client, RequestFactory
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_django import Settings
from silk.config import SilkyConfig
from silk.models import Request, Response
from structlog.testing import capture_logs

from tests.support import factories
from tests.support.host_pages import listed_calls, make_key
from threadless.doctor.web import check_middleware, check_refusal
from threadless.testing import CompletionClient, use_dummy_backend

pytestmark = pytest.mark.django_db(transaction=True)

NAMED = [
    ("/api/v1/chat/completions", "chat/completions"),
    ("/api/v1/chat/completions/", "chat/completions"),
    ("/api/v1/models", "models"),
    ("/api/v1/models/small", "models/<name>"),
]


@pytest.fixture
def secret() -> str:
    return str(factories.make_key()[1])


def send(path: str, secret: str = "", body: Any = None) -> bytes:
    """What a server does with one request: Sentry begins its transaction in the WSGI application."""
    method, data = ("GET", "") if body is None else ("POST", json.dumps(body))
    headers = {"Authorization": f"Bearer {secret}"}
    request = RequestFactory().generic(method, path, data, "application/json", headers=headers)
    response: Any = WSGIHandler()(request.environ, lambda *args: lambda data: None)
    try:
        return b"".join(response)
    finally:
        response.close()


def ask(secret: str, *, is_stream: bool = False) -> None:
    """One call with text that nobody else may see."""
    messages = [{"role": "user", "content": "A private question."}]
    with use_dummy_backend("A private answer."):
        answer = send("/api/v1/chat/completions", secret, {"model": "small", "messages": messages, "stream": is_stream})
    assert b"private" in answer


def stored_by_silk() -> str:
    return json.dumps([*Request.objects.values(), *Response.objects.values()], default=str)


def stored_by_toolbar() -> str:
    store: Any = get_store()
    return str([list(store.panels(request)) for request in store.request_ids()])


@pytest.mark.parametrize(("path", "route"), NAMED)
def test_span_is_named_after_the_path_that_was_called(spans: InMemorySpanExporter, path: str, route: str) -> None:
    send(path)
    assert [span.name for span in spans.get_finished_spans()] == [f"GET api/v1/{route}"]


@pytest.mark.parametrize(("path", "route"), NAMED)
def test_transaction_is_named_after_the_path_that_was_called(reported: list[Any], path: str, route: str) -> None:
    send(path)
    names = [item["transaction"] for item in reported if item.get("type") == "transaction"]
    assert [name.rstrip("/") for name in names] == [f"/api/v1/{route}".replace("<name>", "{name}")]


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_no_observer_keeps_text_or_key(
    secret: str, reported: list[Any], spans: InMemorySpanExporter, caplog: Any, is_stream: bool
) -> None:
    with capture_logs() as logs:
        ask(secret, is_stream=is_stream)
    seen = [reported, [span.to_json() for span in spans.get_finished_spans()], logs]
    assert all(seen)
    text = f"{seen} {stored_by_silk()} {stored_by_toolbar()} {caplog.text}"
    assert "private" not in text
    assert secret not in text


def test_silk_that_sees_our_paths_stores_text_and_the_doctor_says_so(secret: str, monkeypatch: Any) -> None:
    monkeypatch.setitem(SilkyConfig().attrs, "SILKY_INTERCEPT_FUNC", None)
    ask(secret)
    assert "private question" in stored_by_silk()
    [finding] = check_middleware()
    assert finding.what == "silk.middleware.SilkyMiddleware reads the body of requests."
    assert "SILKY_INTERCEPT_FUNC" in finding.fix


def test_toolbar_that_sees_our_paths_stores_text_of_refused_calls_and_the_doctor_says_so(settings: Settings) -> None:
    settings.DEBUG_TOOLBAR_CONFIG = {**settings.DEBUG_TOOLBAR_CONFIG, "SHOW_TOOLBAR_CALLBACK": lambda request: True}
    show_toolbar_func_or_path.cache_clear()
    send("/api/v1/chat/completions", "unknown", {"model": "small", "messages": "A private question."})
    assert "private question" in stored_by_toolbar()
    [finding] = check_middleware()
    assert finding.what == "debug_toolbar.middleware.DebugToolbarMiddleware reads the body of requests."
    assert "SHOW_TOOLBAR_CALLBACK" in finding.fix


@pytest.fixture(autouse=True)
def fresh_toolbar() -> Iterator[None]:
    show_toolbar_func_or_path.cache_clear()
    store: Any = get_store()
    store.clear()
    yield
    show_toolbar_func_or_path.cache_clear()


def test_doctor_finds_nothing_wrong_with_the_middleware() -> None:
    assert [*check_middleware(), *check_refusal()] == []


def test_keys_are_made_and_calls_listed_in_the_admin(admin_client: Client, user: Any) -> None:
    ask(make_key(admin_client, user))
    assert "small" in listed_calls(admin_client)


def test_page_of_another_origin_may_call(secret: str) -> None:
    with use_dummy_backend():
        response = CompletionClient(secret, headers={"Origin": "https://app.example"}).complete("small", "Hello")
    assert response["Access-Control-Allow-Origin"] == "https://app.example"
    assert response["Access-Control-Expose-Headers"] == "x-request-id"


def test_schema_of_the_platform_has_our_endpoints(client: Client) -> None:
    schema = client.get("/schema/?format=json").json()
    assert "/api/v1/chat/completions" in schema["paths"]
