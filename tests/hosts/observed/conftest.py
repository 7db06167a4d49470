"""What the observers of the platform have seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_django import Settings
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.transport import Transport

from threadless.contrib.sentry import scrub, scrub_breadcrumb


class Kept(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.items += [item.payload.json for item in envelope.items if item.payload.json]


@pytest.fixture
def reported() -> Iterator[list[Any]]:
    """What Sentry would have received."""
    transport = Kept()
    options: Any = {
        "dsn": "http://key@sentry.invalid/1",
        "transport": transport,
        "before_send": scrub,
        "before_send_transaction": scrub,
        "before_breadcrumb": scrub_breadcrumb,
        "traces_sample_rate": 1.0,
        "max_request_body_size": "always",
        "integrations": [DjangoIntegration()],
        "auto_enabling_integrations": False,
    }
    client = sentry_sdk.Client(**options)
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(client)
        yield transport.items
    client.close(0)


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
