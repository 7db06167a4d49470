"""A response that is closed with a whole answer lets its call read the upstream's usage."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import factories
from tests.support.bodies import chunk, usage_chunk
from threadless.backends.lifetime import Lifetime
from threadless.calls.running import wait_for_calls
from threadless.models import UsageRecord
from threadless.testing import CompletionClient

pytestmark = pytest.mark.django_db(transaction=True)

WAIT = 10


class Model:
    """Tells its usage only when it may."""

    def __init__(self) -> None:
        self.may_tell = threading.Event()

    def __call__(self, payload: Any, caller: Any) -> Iterator[dict[str, Any]]:
        yield chunk({"content": "Hello"})
        if payload["messages"][-1]["content"] == "unfinished":
            self.may_tell.wait(WAIT)
        yield chunk(finish_reason="stop")
        self.may_tell.wait(WAIT)
        yield usage_chunk()


@pytest.fixture
def model(settings: Any) -> Model:
    model = Model()
    backend = {"BACKEND": "threadless.backends.function.FunctionBackend", "OPTIONS": {"function": model}}
    settings.THREADLESS = {**settings.THREADLESS, "BACKENDS": {"default": backend}}
    return model


def row_after_leaving(model: Model, question: str, mark: bytes) -> UsageRecord:
    """The row of a call whose response is closed once it has sent `mark`."""
    response = CompletionClient(factories.make_key()[1]).complete("small", question, stream=True)
    seen = b""
    for piece in response.streaming_content:
        seen += piece
        if mark in seen:
            break
    response.close()
    model.may_tell.set()
    assert wait_for_calls(WAIT)
    return UsageRecord.objects.get()


def test_response_closed_before_the_usage_is_metered_by_it(model: Model) -> None:
    row = row_after_leaving(model, "Hi", b'"finish_reason":"stop"')
    assert (row.state, row.prompt_tokens, row.completion_tokens, row.usage_source) == ("completed", 9, 5, "upstream")


def test_response_closed_before_the_finish_ends_its_call(model: Model) -> None:
    row = row_after_leaving(model, "unfinished", b"Hello")
    assert (row.state, row.usage_source) == ("cancelled", "estimated")


def lifetimes() -> list[Lifetime]:
    """All that something refers to."""
    return [found for found in gc.get_objects() if isinstance(found, Lifetime)]


def test_finished_stream_waits_for_no_usage(model: Model) -> None:
    model.may_tell.set()
    others = lifetimes()
    response = CompletionClient(factories.make_key()[1]).complete("small", "Hi", stream=True)
    b"".join(response)
    assert wait_for_calls(WAIT)
    response.close()
    del response
    assert [found for found in lifetimes() if found not in others] == []
