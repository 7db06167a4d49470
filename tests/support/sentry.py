"""Sentry's real SDK with a transport that keeps what it would send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.transport import Transport

from threadless.contrib.sentry import scrub, scrub_breadcrumb


class _Kept(Transport):
    def __init__(self) -> None:
        super().__init__()
        self.items: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.items += [item.payload.json for item in envelope.items if item.payload.json]


@contextmanager
def sentry(**more: Any) -> Iterator[list[Any]]:
    """What Sentry receives meanwhile, with our functions and these further options."""
    transport = _Kept()
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
    client = sentry_sdk.Client(**options, **more)
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(client)
        yield transport.items
    client.close(0)
