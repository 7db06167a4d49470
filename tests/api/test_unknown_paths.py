"""Paths below our prefix that we do not serve."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.urls import clear_url_caches
from pytest_django import Settings

from tests.api import own_routes
from tests.support import factories
from tests.support.fixtures import Configure

METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
PATHS = [
    *("", "/chat/completions", "v1/chat/completions", "embeddings", "responses", "chat"),
    *("a/b/c/", "%00", "é", "x" * 999),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", PATHS)
def test_unknown_path_is_refused_in_the_error_form_and_names_what_is_served(method: str, path: str) -> None:
    response = Client().generic(method, f"/api/v1/{path}", b"{}", content_type="application/json")
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["code"]) == (404, "invalid_request_error", "not_found")
    assert "POST /api/v1/chat/completions and GET /api/v1/models" in error["message"]
    assert len(error["message"]) < 400
    assert response["x-request-id"]
    assert not response.has_header("Allow")  # an empty one would say that the path exists


def test_head_of_an_unknown_path_has_no_body() -> None:
    response = Client().head("/api/v1/embeddings")
    assert (response.status_code, response.content) == (404, b"")


@pytest.mark.django_db
def test_signed_in_browser_gets_json_too() -> None:
    client = Client()
    client.force_login(factories.make_user())
    response = client.get("/api/v1/embeddings", headers={"Accept": "text/html"})
    assert (response.status_code, response["Content-Type"]) == (404, "application/json")


@pytest.fixture
def load_routes(settings: Settings, configure: Configure) -> Iterator[Callable[[str], None]]:
    """Loads the routes of a host that has chosen what happens to unknown paths."""

    def load(unknown_paths: str) -> None:
        configure(UNKNOWN_PATHS=unknown_paths)
        importlib.reload(own_routes)
        settings.ROOT_URLCONF = "tests.api.own_routes"
        clear_url_caches()

    yield load
    clear_url_caches()


def test_host_may_keep_routes_below_our_prefix(load_routes: Callable[[str], None]) -> None:
    load_routes("ignore")
    assert Client().get("/api/v1/health").content == b"ok"
    assert Client().get("/api/v1/models").status_code == 401
    assert Client().get("/api/v1/embeddings")["Content-Type"].startswith("text/html")


def test_prefix_with_a_parameter_is_named_as_it_was_called(load_routes: Callable[[str], None]) -> None:
    load_routes("refuse")
    message = Client().get("/blue/llm/embeddings").json()["error"]["message"]
    assert message.endswith("This API serves POST /blue/llm/chat/completions and GET /blue/llm/models.")
