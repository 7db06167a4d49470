"""Helpers for a host's tests: fixed answers instead of an upstream, a client with a key, and a reader of streams."""

from threadless.testing.backend import use_dummy_backend
from threadless.testing.client import AsyncCompletionClient, CompletionClient
from threadless.testing.events import Events, aread_events, read_events

__all__ = [
    "AsyncCompletionClient",
    "CompletionClient",
    "Events",
    "aread_events",
    "read_events",
    "use_dummy_backend",
]
