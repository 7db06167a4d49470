"""A host under our ASGI application, in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.asgi import host_middleware
from threadless.asgi import Application, get_asgi_application
from threadless.server.asgi.pool import pool


@pytest.fixture
def host(settings: Settings) -> None:
    """The settings of a host with its own views below our prefix and beside it."""
    settings.ROOT_URLCONF = "tests.asgi.host_urls"


@pytest.fixture
def application(host: None) -> Iterator[Application]:
    """Its application. No thread of the pool is left from another test."""
    pool.retire()
    yield get_asgi_application()
    pool.retire()


@pytest.fixture
def slow_middleware(settings: Settings) -> Iterator[None]:
    """Around everything, a middleware that waits for `may_go_on`."""
    host_middleware.has_entered.clear()
    host_middleware.may_go_on.clear()
    settings.MIDDLEWARE = ["tests.asgi.host_middleware.slow", *settings.MIDDLEWARE]
    yield
    host_middleware.may_go_on.set()
