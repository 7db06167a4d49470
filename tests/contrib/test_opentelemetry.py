"""Spans of calls, on the real SDK."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from tests.support import factories
from threadless.calls.running import wait_for_calls
from threadless.contrib import opentelemetry
from threadless.exceptions import RateLimited
from threadless.testing import CompletionClient, read_events, use_dummy_backend
from threadless.types import Completion

USAGE = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
ANSWER = Completion.from_text("A secret answer.", usage=USAGE).body
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def provider() -> TracerProvider:
    return TracerProvider()


@pytest.fixture
def spans(provider: TracerProvider) -> Iterator[InMemorySpanExporter]:
    """What was exported."""
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    opentelemetry.install(provider)
    yield exporter
    opentelemetry.uninstall()


@pytest.fixture
def client() -> CompletionClient:
    return CompletionClient(factories.make_key()[1])


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_span_has_model_tokens_and_finish_reason(
    spans: InMemorySpanExporter, client: CompletionClient, is_stream: bool
) -> None:
    with use_dummy_backend(ANSWER):
        response = client.complete("small", "A secret question.", stream=is_stream)
        if is_stream:
            read_events(response)
        assert wait_for_calls(20)
    [span] = spans.get_finished_spans()
    assert span.name == "chat small"
    found = dict(span.attributes or {})
    assert (found["gen_ai.operation.name"], found["gen_ai.request.model"]) == ("chat", "small")
    assert (found["gen_ai.usage.input_tokens"], found["gen_ai.usage.output_tokens"]) == (9, 5)
    assert found["gen_ai.response.finish_reasons"] == ("stop",)
    assert span.status.status_code == StatusCode.UNSET


def test_span_holds_no_message_text_and_no_key(spans: InMemorySpanExporter, client: CompletionClient) -> None:
    with use_dummy_backend(ANSWER):
        client.complete("small", "A secret question.")
    [span] = spans.get_finished_spans()
    assert "secret" not in span.to_json()


def test_span_of_a_failed_call_has_the_type_of_the_error(spans: InMemorySpanExporter, client: CompletionClient) -> None:
    with use_dummy_backend(error=RateLimited("Slow down.")):
        client.complete("small", "Hello")
    [span] = spans.get_finished_spans()
    assert (span.status.status_code, dict(span.attributes or {})["error.type"]) == (
        StatusCode.ERROR,
        "rate_limit_exceeded",
    )


def test_span_of_a_stream_is_within_the_span_of_its_request(
    spans: InMemorySpanExporter, provider: TracerProvider, client: CompletionClient
) -> None:
    with use_dummy_backend(ANSWER), trace.use_span(provider.get_tracer("host").start_span("request")) as request:
        read_events(client.complete("small", "Hello", stream=True))
        assert wait_for_calls(20)
    [span] = spans.get_finished_spans()
    assert span.parent is not None
    assert span.parent.span_id == request.get_span_context().span_id
