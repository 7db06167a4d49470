"""A host that serves a second dialect beside chat."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import clear_url_caches

from tests.dialects import urls
from tests.support import factories
from threadless.testing import CompletionClient


@pytest.fixture
def echo(settings: Any) -> Iterator[Callable[..., Any]]:
    """Posts to the second dialect, with a backend that answers with a text or fails."""
    settings.THREADLESS = {
        **settings.THREADLESS,
        "DIALECTS": ["threadless.dialects.chat.ChatDialect", "tests.dialects.echo.EchoDialect"],
    }
    settings.ROOT_URLCONF = "tests.dialects.urls"
    importlib.reload(urls)
    clear_url_caches()
    client = CompletionClient(factories.make_key()[1])

    def post(backend: Callable[..., Any] = lambda *_: "Yes.", **body: Any) -> Any:
        options = {"BACKEND": "threadless.backends.function.FunctionBackend", "OPTIONS": {"function": backend}}
        settings.THREADLESS = {**settings.THREADLESS, "BACKENDS": {"default": options}}
        return client.post("/api/v1/echo", {"model": "small", **body}, content_type="application/json")

    yield post
    clear_url_caches()
