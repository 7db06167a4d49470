"""Calls at once: a slot is taken at admission and given back when the call ends."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings

from tests.support import factories
from threadless.calls.gates import Gate
from threadless.calls.limits import ConcurrencyGate
from threadless.calls.running import wait_for_calls
from threadless.calls.threads import threads
from threadless.exceptions import RateLimited, UpstreamError
from threadless.models import UsageRecord
from threadless.testing import AsyncCompletionClient, CompletionClient, aread_events, read_events
from threadless.types import Caller
from threadless.usage.recorder import DatabaseUsageRecorder, Opening

pytestmark = pytest.mark.django_db(transaction=True)

WAIT = 10


class Model:
    """The LLM path of these tests: it can be made to wait."""

    def __init__(self) -> None:
        self.entered, self.may_answer = threading.Semaphore(0), threading.Event()

    def __call__(self, payload: dict[str, Any], caller: Caller) -> Any:
        question = payload["messages"][-1]["content"]
        if question == "fail":
            raise UpstreamError
        if question == "break":
            raise ValueError("unexpected")
        return self.words(question) if payload.get("stream") else self.text(question)

    def text(self, question: str) -> str:
        self.entered.release()
        assert question != "wait" or self.may_answer.wait(WAIT)
        return "Done."

    def words(self, question: str) -> Iterator[str]:
        yield "One"
        self.entered.release()
        assert question != "wait" or self.may_answer.wait(WAIT)
        if question == "fail later":
            raise UpstreamError
        yield "Two"
        while question == "endless":
            yield "more"


@pytest.fixture
def model(settings: Settings) -> Iterator[Model]:
    """The LLM path, of which each key may use one slot."""
    model = Model()
    backend = {"BACKEND": "threadless.backends.function.FunctionBackend", "OPTIONS": {"function": model}}
    settings.THREADLESS = {
        **settings.THREADLESS,
        "BACKENDS": {"default": backend},
        "CONCURRENT_CALLS_PER_KEY": 1,
        "MAX_BODY_BYTES": 1000,
    }
    yield model
    model.may_answer.set()
    join_threads()


@pytest.fixture
def secret() -> str:
    """A key."""
    return factories.make_key()[1]


@pytest.fixture
def api(model: Model, secret: str) -> CompletionClient:
    """A client with the key."""
    return CompletionClient(secret, raise_request_exception=False)


def join_threads() -> None:
    """Wait until every stream is settled and has given its slot back."""
    assert wait_for_calls(WAIT)


def is_free(client: CompletionClient) -> bool:
    """True if the key's only slot is free: a call is admitted."""
    pause, end = threading.Event(), time.monotonic() + WAIT
    join_threads()  # a reader that has not begun yet is not waited for: hence more than one try
    while (status := client.complete("small", "Hi").status_code) == 429 and time.monotonic() < end:
        pause.wait(0.01)
    assert status in (200, 429)
    return status == 200


def test_second_call_at_once_is_refused_and_says_when_to_come_again(api: CompletionClient, model: Model) -> None:
    stream = api.complete("small", "wait", stream=True)
    response = api.complete("small", "Hi")
    assert (response.status_code, response.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert (response["Retry-After"], response["retry-after-ms"]) == ("1", "1000")
    model.may_answer.set()
    assert read_events(stream).is_done
    assert is_free(api)


def test_refused_call_leaves_no_row(api: CompletionClient, model: Model) -> None:
    stream = api.complete("small", "wait", stream=True)
    api.complete("small", "Hi")
    assert UsageRecord.objects.count() == 1
    model.may_answer.set()
    stream.close()


def test_other_keys_have_slots_of_their_own(api: CompletionClient, model: Model) -> None:
    stream = api.complete("small", "wait", stream=True)
    assert is_not_held_up(CompletionClient(factories.make_key()[1]))
    model.may_answer.set()
    stream.close()


def is_not_held_up(client: CompletionClient) -> bool:
    """True if a call is admitted while others run."""
    return client.complete("small", "Hi").status_code == 200


def test_plain_call_holds_the_slot_until_its_end(api: CompletionClient, model: Model, secret: str) -> None:
    thread = threading.Thread(target=plain_call_in_a_thread, args=(secret,))
    thread.start()
    assert model.entered.acquire(timeout=WAIT)
    assert api.complete("small", "Hi").status_code == 429
    model.may_answer.set()
    thread.join(WAIT)
    assert is_free(api)


def plain_call_in_a_thread(secret: str) -> None:
    """One call; a thread closes the connections that it opened."""
    from django.db import connections

    CompletionClient(secret).complete("small", "wait")
    connections.close_all()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("question", ["Hi", "fail", "break", "fail later"])
def test_slot_is_given_back_after_every_kind_of_end(api: CompletionClient, question: str, stream: bool) -> None:
    response = api.complete("small", question, stream=stream)
    b"".join(response)
    response.close()
    assert is_free(api)


def test_slot_is_given_back_when_the_client_closes_a_stream(api: CompletionClient) -> None:
    stream = api.complete("small", "endless", stream=True)
    next(iter(stream.streaming_content))
    stream.close()
    assert is_free(api)


def test_slot_is_given_back_when_a_stream_is_never_read_nor_closed(api: CompletionClient) -> None:
    stream = api.complete("small", "endless", stream=True)
    # As a server does that drops the response: only the garbage collector is left.
    stream._iterator = iter(())
    stream._resource_closers.clear()
    assert is_free(api)


REFUSED = {
    "no JSON": ("{", "application/json", 400),
    "no messages": ('{"model": "small"}', "application/json", 400),
    "unknown model": ('{"model": "x", "messages": [{"role": "user", "content": "Hi"}]}', "application/json", 404),
    "wrong type": ("x=1", "application/x-www-form-urlencoded", 415),
    "too large": (json.dumps({"model": "small", "user": "x" * 2000}), "application/json", 413),
}


@pytest.mark.parametrize("name", REFUSED)
def test_slot_is_given_back_when_the_body_is_refused_after_admission(api: CompletionClient, name: str) -> None:
    body, content_type, status = REFUSED[name]
    assert api.post("/api/v1/chat/completions", body, content_type=content_type).status_code == status
    assert is_free(api)


class AlwaysFull(Gate):
    """A host's gate that comes after ours and refuses."""

    is_full = True

    def admit(self, call: Any) -> None:
        if self.is_full:
            raise RateLimited("Full.")


def test_slot_is_given_back_when_another_gate_refuses(
    api: CompletionClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.THREADLESS = settings.THREADLESS | {"GATES": [ConcurrencyGate, AlwaysFull]}
    assert api.complete("small", "Hi").status_code == 429
    monkeypatch.setattr(AlwaysFull, "is_full", False)
    assert is_free(api)


@pytest.mark.parametrize("stream", [False, True])
def test_slot_is_given_back_when_the_client_left_before_the_watch(api: CompletionClient, stream: bool) -> None:
    gone = socket.socket()
    gone.close()
    body = json.dumps({"model": "small", "messages": [{"role": "user", "content": "Hi"}], "stream": stream})
    environ: dict[str, Any] = {"gunicorn.socket": gone}
    response = api.post("/api/v1/chat/completions", body, content_type="application/json", **environ)
    assert response.status_code == 499
    assert is_free(api)
    assert UsageRecord.objects.order_by("pk")[0].state == "cancelled"


def test_slot_is_given_back_when_the_process_has_no_more_threads(
    api: CompletionClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start
    threads.retire()

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "threadless-call":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert api.complete("small", "Hi", stream=True).status_code == 500
    assert UsageRecord.objects.get().state == "failed"
    assert is_free(api)


class BrokenLedger(DatabaseUsageRecorder):
    """A ledger that takes nothing."""

    is_broken = True

    def open(self, opening: Opening) -> Any:
        if self.is_broken:
            raise RuntimeError("disk full")
        return super().open(opening)


@pytest.mark.parametrize("stream", [False, True])
def test_slot_is_given_back_when_the_ledger_refuses(
    api: CompletionClient, settings: Settings, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    settings.THREADLESS = settings.THREADLESS | {"USAGE_RECORDER": BrokenLedger}
    assert api.complete("small", "Hi", stream=stream).status_code == 500
    monkeypatch.setattr(BrokenLedger, "is_broken", False)
    assert is_free(api)


@pytest.mark.parametrize("path", ["/api/v1/models", "/api/v1/models/small", "/api/v1/models/none"])
def test_list_of_models_holds_no_slot(api: CompletionClient, path: str) -> None:
    api.get(path)
    assert is_free(api)


@pytest.mark.parametrize("question", ["Hi", "fail", "break", "fail later"])
@pytest.mark.parametrize("stream", [False, True])
def test_slot_is_given_back_through_asgi(api: CompletionClient, secret: str, question: str, stream: bool) -> None:
    async def call() -> None:
        client = AsyncCompletionClient(secret, raise_request_exception=False)
        response = await client.complete("small", question, stream=stream)
        if response.streaming:
            await aread_events(response)

    async_to_sync(call)()
    assert is_free(api)


def test_no_limit_holds_no_slot(api: CompletionClient, model: Model, settings: Settings) -> None:
    settings.THREADLESS = settings.THREADLESS | {"CONCURRENT_CALLS_PER_KEY": None}
    streams = [api.complete("small", "wait", stream=True) for _ in range(3)]
    model.may_answer.set()
    assert [read_events(stream).is_done for stream in streams] == [True] * 3
