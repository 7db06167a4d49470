"""The host's context manager surrounds the work of a call and its settlement, in one thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from typing import Any

import pytest

from tests.support import factories
from threadless import signals
from threadless.calls import running
from threadless.exceptions import InsufficientQuota, UpstreamTimeout
from threadless.models import UsageRecord
from threadless.testing import AsyncCompletionClient, CompletionClient, aread_events
from threadless.usage.recorder import DatabaseUsageRecorder

pytestmark = pytest.mark.django_db(transaction=True)

WAIT = 10
both_kinds = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])

tenant: ContextVar[str] = ContextVar("tenant", default="")
steps: list[Any] = []


def note(step: str) -> None:
    steps.append((step, tenant.get(), threading.get_ident()))


@contextmanager
def watch(call: Any) -> Iterator[None]:
    token = tenant.set(call.opening.target.id)
    note("entered")
    note(f"outcome: {call.outcome}")
    try:
        yield
    finally:
        note(f"left: {call.outcome and call.outcome.state}")
        tenant.reset(token)


def answer(payload: Any, caller: Any) -> Iterator[str]:
    note("backend")
    yield "One "
    yield "two."


def fail(payload: Any, caller: Any) -> str:
    raise UpstreamTimeout("Too slow.")


class NotingRecorder(DatabaseUsageRecorder):
    """Notes when a row is settled."""

    def settle(self, entry: Any, outcome: Any) -> None:
        super().settle(entry, outcome)
        note("settled")


@pytest.fixture
def api(settings: Any) -> Iterator[CompletionClient]:
    change(settings, CALL_CONTEXT=watch)
    steps.clear()
    yield CompletionClient(factories.make_key()[1], raise_request_exception=False)
    assert running.wait_for_calls(WAIT)


def change(settings: Any, function: Any = answer, **values: Any) -> None:
    backend = {"BACKEND": "threadless.backends.function.FunctionBackend", "OPTIONS": {"function": function}}
    settings.THREADLESS = {
        **settings.THREADLESS,
        "BACKENDS": {"default": backend},
        "USAGE_RECORDER": NotingRecorder,
        **values,
    }


def content(api: CompletionClient, *, stream: bool) -> tuple[int, bytes]:
    """Status and content, once the call has ended."""
    response = api.complete("small", "Hi", stream=stream)
    found = response.status_code, b"".join(response)
    response.close()
    assert running.wait_for_calls(WAIT)
    return found


@both_kinds
def test_context_surrounds_backend_and_settlement_in_one_thread(api: CompletionClient, stream: bool) -> None:
    assert content(api, stream=stream)[0] == 200
    assert [step for step, _, _ in steps] == ["entered", "outcome: None", "backend", "settled", "left: completed"]
    assert {where for _, where, _ in steps} == {"small"}
    assert len({thread for _, _, thread in steps}) == 1
    assert tenant.get() == ""


@both_kinds
@pytest.mark.usefixtures("api")
def test_context_surrounds_backend_and_settlement_under_asgi(stream: bool) -> None:
    secret = factories.make_key()[1]

    async def call() -> None:
        response = await AsyncCompletionClient(secret).complete("small", "Hi", stream=stream)
        if stream:
            await aread_events(response)

    asyncio.run(call())
    assert running.wait_for_calls(WAIT)
    assert [step for step, _, _ in steps] == ["entered", "outcome: None", "backend", "settled", "left: completed"]
    assert len({thread for _, _, thread in steps}) == 1


@both_kinds
def test_outcome_of_a_failed_call_is_at_hand(api: CompletionClient, settings: Any, stream: bool) -> None:
    change(settings, fail, CALL_CONTEXT=watch)
    assert content(api, stream=stream)[0] == 504
    assert [step for step, _, _ in steps] == ["entered", "outcome: None", "settled", "left: failed"]


@both_kinds
def test_call_settled_is_sent_within_the_context(api: CompletionClient, stream: bool) -> None:
    def receive(**kwargs: Any) -> None:
        note("signal")

    signals.call_settled.connect(receive)
    try:
        content(api, stream=stream)
    finally:
        signals.call_settled.disconnect(receive)
    assert ("signal", "small") in [step[:2] for step in steps]


class Refusing(nullcontext[None]):
    """A context of a tenant that may not call."""

    def __enter__(self) -> None:
        raise InsufficientQuota("The tenant is closed.")


def break_at_the_start(call: Any) -> Any:
    raise LookupError("of a tenant")


@both_kinds
@pytest.mark.parametrize(
    ("context", "status"), [(lambda call: Refusing(), 429), (break_at_the_start, 500), (lambda call: "text", 500)]
)
def test_context_that_cannot_be_entered_ends_the_call_before_the_backend(
    api: CompletionClient, settings: Any, stream: bool, context: Any, status: int
) -> None:
    change(settings, CALL_CONTEXT=context)
    assert content(api, stream=stream)[0] == status
    assert [step for step, _, _ in steps] == ["settled"]
    assert UsageRecord.objects.get().state == "failed"


@contextmanager
def break_at_the_end(call: Any) -> Iterator[None]:
    with suppress(Exception):
        yield
    raise LookupError("of an exporter")


@both_kinds
def test_context_that_fails_at_the_end_costs_neither_answer_nor_row(
    api: CompletionClient, settings: Any, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    change(settings, CALL_CONTEXT=break_at_the_end)
    status, text = content(api, stream=stream)
    assert (status, b"two." in text) == (200, True)
    assert UsageRecord.objects.get().state == "completed"
    assert "The end of a call failed in part." in caplog.text


@both_kinds
def test_context_that_swallows_the_failure_does_not_change_it(
    api: CompletionClient, settings: Any, stream: bool
) -> None:
    change(settings, fail, CALL_CONTEXT=lambda call: suppress(Exception))
    assert content(api, stream=stream)[0] == 504
    assert UsageRecord.objects.get().state == "failed"
