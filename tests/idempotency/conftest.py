"""These tests need the optional apps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings

from tests.support import factories
from tests.support.fixtures import Configure
from tests.support.upstream import ScriptedUpstream
from threadless.calls.running import wait_for_calls
from threadless.calls.threads import threads
from threadless.testing import CompletionClient

HAS_APPS = django_settings.SETTINGS_MODULE == "tests.optional_apps"
collect_ignore_glob = [] if HAS_APPS else ["test_*.py"]

Send = Callable[..., Any]
"""Sends one question with an idempotency key."""


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    yield
    assert wait_for_calls(10)
    threads.retire()  # idle threads keep a connection


@pytest.fixture
def upstream(configure: Configure) -> Iterator[ScriptedUpstream]:
    """The upstream of the model `small`."""
    with ScriptedUpstream() as upstream:
        use(configure, upstream.base_url)
        yield upstream


def use(configure: Configure, base_url: str) -> None:
    """Call the upstream at this address."""
    options = {"base_url": base_url, "api_key": "secret-upstream-key"}
    backend = {"BACKEND": "threadless.backends.openai.OpenAIBackend", "OPTIONS": options}
    configure(BACKENDS={"default": backend}, PING_SECONDS=600.0)


@pytest.fixture
def secret(transactional_db: None) -> str:
    """The secret of a key."""
    secret: str = factories.make_key()[1]
    return secret


@pytest.fixture
def send(secret: str) -> Send:
    """Sends with the key of `secret` unless another one is given."""

    def send(key: str | None, question: str = "Hi", *, api_key: str = secret, **fields: Any) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        client = CompletionClient(api_key, headers=headers, raise_request_exception=False)
        response = client.complete("small", question, **fields)
        if response.streaming:
            b"".join(response)
            response.close()
            assert wait_for_calls(10)
        return response

    return send


def refusal(response: Any) -> tuple[int, str]:
    """Status and code of an error."""
    return response.status_code, response.json()["error"]["code"]


CONFLICT = (409, "idempotency_conflict")
