"""Receivers learn of each call; their failures affect no answer and no row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.dispatch import Signal

from tests.support import factories
from threadless import signals
from threadless.calls import running
from threadless.models import UsageRecord
from threadless.testing import CompletionClient

pytestmark = pytest.mark.django_db(transaction=True)

WAIT = 10


@pytest.fixture
def api(settings: Any) -> CompletionClient:
    backend = {"BACKEND": "threadless.backends.dummy.DummyBackend"}
    settings.THREADLESS = {**settings.THREADLESS, "BACKENDS": {"default": backend}}
    return CompletionClient(factories.make_key()[1], raise_request_exception=False)


@contextmanager
def connected(signal: Signal, receiver: Callable[..., None]) -> Iterator[None]:
    """Within the block, the receiver gets the signal."""
    signal.connect(receiver)
    try:
        yield
    finally:
        signal.disconnect(receiver)


def state() -> str:
    """The state of the only row, once its call has ended."""
    assert running.wait_for_calls(WAIT)
    return UsageRecord.objects.get().state


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("signal", [signals.call_opened, signals.call_settled], ids=["opened", "settled"])
def test_receiver_that_fails_affects_nobody(api: CompletionClient, signal: Signal, stream: bool) -> None:
    def fail(**kwargs: Any) -> None:
        raise ValueError("of a receiver")

    with connected(signal, fail):
        response = api.complete("small", "Hi", stream=stream)
        b"".join(response)
        response.close()
        assert (response.status_code, state()) == (200, "completed")


def test_receiver_that_interrupts_leaves_no_row_open(api: CompletionClient) -> None:
    def interrupt(**kwargs: Any) -> None:
        raise SystemExit

    with connected(signals.call_opened, interrupt), pytest.raises(SystemExit):
        api.complete("small", "Hi")
    assert state() == "failed"


def test_signals_carry_the_opening_and_the_outcome(api: CompletionClient) -> None:
    heard: list[Any] = []

    def hear(**kwargs: Any) -> None:
        heard.append(kwargs)

    with connected(signals.call_opened, hear), connected(signals.call_settled, hear):
        api.complete("small", "Hi")
    opened, settled = heard
    assert opened["opening"] is settled["opening"]
    assert settled["outcome"].state == "completed"
