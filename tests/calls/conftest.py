"""Fixtures of the tests of limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from pytest_django import Settings

from tests.support.closing_caches import close_caches
from tests.support.limits import ANSWER, CACHES, SHARED_CACHES, Limit, local_cache


@pytest.fixture(params=["local", *SHARED_CACHES])
def limit(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Limit]:
    """Sets limits, on each kind of cache."""
    settings.CACHES = {"default": CACHES[request.param](), "other": local_cache()}

    def change(**values: Any) -> None:
        backend = {"BACKEND": "threadless.backends.dummy.DummyBackend", "OPTIONS": {"answer": ANSWER}}
        settings.THREADLESS = {**settings.THREADLESS, "BACKENDS": {"default": backend}, **values}

    yield change
    close_caches()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Twenty seconds into a minute; moves by hand."""
    with time_machine.travel("2030-01-01T12:00:20Z", tick=False) as traveller:
        yield traveller
