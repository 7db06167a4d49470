"""Hosts whose middleware reads the request body before our view does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from pytest_django import Settings

from tests.support.fixtures import Configure, IssueKey
from threadless.testing import AsyncCompletionClient, CompletionClient, use_dummy_backend

pytestmark = pytest.mark.django_db

PATH = "/api/v1/chat/completions"


class BodyLoggingMiddleware:
    """Keeps the body of each request, as profilers such as django-silk do."""

    seen: list[bytes] = []

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.seen.append(request.body)
        return self.get_response(request)


class ReadingTwiceMiddleware(BodyLoggingMiddleware):
    """Also leaves the stream of the kept body at its end."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.seen.append(request.body + request.read())
        return self.get_response(request)


class ReadingStreamMiddleware(BodyLoggingMiddleware):
    """Reads the stream itself, so that Django keeps nothing."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.seen.append(request.read())
        return self.get_response(request)


@pytest.fixture
def install(settings: Settings) -> Callable[[type], None]:
    """Puts a middleware before all others."""

    def change(middleware: type) -> None:
        BodyLoggingMiddleware.seen.clear()
        settings.MIDDLEWARE = [f"{__name__}.{middleware.__name__}", *settings.MIDDLEWARE]

    return change


@pytest.mark.parametrize("middleware", [BodyLoggingMiddleware, ReadingTwiceMiddleware])
@pytest.mark.parametrize("question", ["Hello", "x" * 200_000], ids=["small", "counted"])
def test_body_that_a_middleware_has_read_is_used(
    install: Callable[[type], None], issue_key: IssueKey, middleware: type, question: str
) -> None:
    install(middleware)
    with use_dummy_backend() as backend:
        response = CompletionClient(issue_key()[1]).complete("small", question)
    assert response.status_code == 200
    assert backend.asked[0].request.get("messages")[0]["content"] == question
    assert len(BodyLoggingMiddleware.seen) == 1


@pytest.mark.django_db(transaction=True)
def test_body_that_a_middleware_has_read_is_used_under_asgi(
    install: Callable[[type], None], issue_key: IssueKey
) -> None:
    install(BodyLoggingMiddleware)
    with use_dummy_backend("Yes."):
        response: Any = async_to_sync(AsyncCompletionClient(issue_key()[1]).complete)("small", "Hello")
    assert (response.status_code, response.json()["choices"][0]["message"]["content"]) == (200, "Yes.")


def test_limit_holds_for_a_body_that_a_middleware_has_read(
    install: Callable[[type], None], issue_key: IssueKey, configure: Configure
) -> None:
    install(BodyLoggingMiddleware)
    configure(MAX_BODY_BYTES=100)
    response = CompletionClient(issue_key()[1]).complete("small", "x" * 100)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")


def test_stream_that_a_middleware_has_used_up_is_a_refusal(
    install: Callable[[type], None], issue_key: IssueKey
) -> None:
    install(ReadingStreamMiddleware)
    response = CompletionClient(issue_key()[1]).complete("small", "Hello")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_json")


def test_byte_order_mark_before_the_body_is_accepted(issue_key: IssueKey) -> None:
    body = {"model": "small", "messages": [{"role": "user", "content": "Hello"}]}
    marked = json.dumps(body).encode("utf-8-sig")
    with use_dummy_backend() as backend:
        response = CompletionClient(issue_key()[1]).post(PATH, marked, content_type="application/json")
    assert response.status_code == 200
    assert backend.asked[0].request.get("messages") == body["messages"]
