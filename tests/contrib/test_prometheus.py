"""Metrics of calls, on the real client library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.support import factories
from threadless.calls.running import wait_for_calls
from threadless.contrib import prometheus
from threadless.exceptions import RateLimited
from threadless.testing import CompletionClient, read_events, use_dummy_backend
from threadless.types import Completion

USAGE = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
ANSWER = Completion.from_text("Hello", usage=USAGE).body
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def registry() -> Iterator[CollectorRegistry]:
    """Counts at most one model."""
    registry = CollectorRegistry()
    prometheus.install(registry, max_models=1)
    yield registry
    prometheus.uninstall()


@pytest.fixture
def client() -> CompletionClient:
    return CompletionClient(factories.make_key()[1])


def test_call_is_counted_with_its_tokens_and_times(registry: CollectorRegistry, client: CompletionClient) -> None:
    with use_dummy_backend(ANSWER):
        read_events(client.complete("small", "Hello", stream=True))
        assert wait_for_calls(20)
    labels = {"model": "small", "state": "completed", "status": "200"}
    assert registry.get_sample_value("threadless_calls_total", labels) == 1
    assert registry.get_sample_value("threadless_tokens_total", {"model": "small", "kind": "prompt"}) == 9
    assert registry.get_sample_value("threadless_tokens_total", {"model": "small", "kind": "completion"}) == 5
    assert registry.get_sample_value("threadless_call_seconds_count", {"model": "small", "stream": "true"}) == 1
    assert registry.get_sample_value("threadless_first_token_seconds_count", {"model": "small"}) == 1
    assert registry.get_sample_value("threadless_running_calls") == 0


def test_failed_call_is_counted_by_its_status(registry: CollectorRegistry, client: CompletionClient) -> None:
    with use_dummy_backend(error=RateLimited("Slow down.")):
        client.complete("small", "Hello")
    labels = {"model": "small", "state": "failed", "status": "429"}
    assert registry.get_sample_value("threadless_calls_total", labels) == 1


def test_models_beyond_the_limit_share_a_label(
    registry: CollectorRegistry, client: CompletionClient, settings: Any
) -> None:
    models = {name: {"model": "m"} for name in ("first", "second", "third")}
    settings.THREADLESS = {**settings.THREADLESS, "MODELS": models}
    with use_dummy_backend(ANSWER):
        for name in models:
            client.complete(name, "Hello")
    labels = {"model": prometheus.OTHER, "state": "completed", "status": "200"}
    assert registry.get_sample_value("threadless_calls_total", labels) == 2
