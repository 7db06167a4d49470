"""What the observers of the platform have seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_django import Settings

from tests.support.sentry import sentry


@pytest.fixture
def reported() -> Iterator[list[Any]]:
    """What Sentry would have received."""
    with sentry() as items:
        yield items


@pytest.fixture
def spans(settings: Settings) -> Iterator[InMemorySpanExporter]:
    """What OpenTelemetry has recorded."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    settings.MIDDLEWARE = [*settings.MIDDLEWARE]  # the instrumentor changes the list
    DjangoInstrumentor().instrument(tracer_provider=provider)
    yield exporter
    DjangoInstrumentor().uninstrument()
    provider.shutdown()
