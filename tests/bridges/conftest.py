"""These tests run in a separate session, because their packages take seconds to import."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings

from tests.support import factories
from tests.support.upstream import ScriptedUpstream
from threadless.calls.running import wait_for_calls
from threadless.models import UsageRecord
from threadless.testing import CompletionClient, Events, read_events

collect_ignore_glob = [] if django_settings.SETTINGS_MODULE == "tests.bridges.settings" else ["test_*.py"]
WAIT = 10


class Platform:
    """A host with one backend before a scripted upstream, and a client with a key."""

    def __init__(self, upstream: ScriptedUpstream, settings: Any) -> None:
        self.upstream, self._settings = upstream, settings
        self.client = CompletionClient(factories.make_key()[1], raise_request_exception=False)

    def use(self, backend: str, **options: Any) -> None:
        """Answer all calls by this backend."""
        backends = {"default": {"BACKEND": backend, "OPTIONS": options}}
        self._settings.THREADLESS = {**self._settings.THREADLESS, "BACKENDS": backends}

    def ask(self, messages: Any = "Hello", **fields: Any) -> Any:
        """The body of a plain answer."""
        response = self.client.complete("small", messages, **fields)
        assert response.status_code == 200, response.content
        return response.json()

    def stream(self, messages: Any = "Hello", **fields: Any) -> Events:
        """A whole stream."""
        options = {"stream": True, "stream_options": {"include_usage": True}}
        return read_events(self.client.complete("small", messages, **options, **fields))

    def refuse(self, messages: Any = "Hello", **fields: Any) -> tuple[int, Any, Any]:
        """The refused response: status, error, headers."""
        response = self.client.complete("small", messages, **fields)
        return response.status_code, response.json()["error"], response.headers

    @property
    def row(self) -> UsageRecord:
        """The usage record of the only call, once it has ended."""
        assert wait_for_calls(WAIT)
        return UsageRecord.objects.get()


@pytest.fixture
def platform(settings: Any, transactional_db: None) -> Iterator[Platform]:
    """A host whose upstream answers as usual until a test scripts it."""
    with ScriptedUpstream() as upstream:
        yield Platform(upstream, settings)
