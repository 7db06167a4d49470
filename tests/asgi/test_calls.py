"""Calls through our ASGI application: signals, bodies, clients that leave, and a full pool."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started

from tests.asgi import host_middleware
from tests.support.asgi import Conversation, Message, ask, body_message, talking
from tests.support.client import PATH, body_of
from tests.support.fixtures import Configure, IssueKey
from threadless.asgi import Application, get_asgi_application
from threadless.calls.running import wait_for_calls
from threadless.models import UsageRecord
from threadless.server.memory import in_flight
from threadless.types import Caller

pytestmark = pytest.mark.django_db(transaction=True)


class Model:
    """The host's LLM path: it answers when the test lets it."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may_answer = threading.Event()

    def __call__(self, payload: dict[str, Any], caller: Caller) -> Any:
        self.asked.set()
        return self._words() if payload.get("stream") else self._text()

    def _text(self) -> str:
        assert self.may_answer.wait(10)
        return "Hello"

    def _words(self) -> Iterator[str]:
        yield "Hello"
        assert self.may_answer.wait(10)
        yield " there"


@pytest.fixture
def model(configure: Configure) -> Iterator[Model]:
    """Behind the only backend."""
    model = Model()
    backend = {"BACKEND": "threadless.backends.function.FunctionBackend", "OPTIONS": {"function": model}}
    configure(BACKENDS={"default": backend}, MAX_BODY_BYTES=1000)
    yield model
    model.may_answer.set()
    assert wait_for_calls(10)


@pytest.fixture
def headers(issue_key: IssueKey) -> dict[str, str]:
    """Of a call."""
    return {"Authorization": f"Bearer {issue_key()[1]}", "Content-Type": "application/json"}


def call_message(**fields: Any) -> Message:
    """The body of a call, in one message."""
    return body_message(json.dumps(body_of(**fields)).encode())


def with_length(headers: dict[str, str], length: int | None = None, **fields: Any) -> dict[str, str]:
    """The headers and the length of the call's body, or another one."""
    size = len(json.dumps(body_of(**fields))) if length is None else length
    return headers | {"Content-Length": str(size)}


async def wait_in_thread(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 10)


def error_code(talk: Conversation) -> str:
    """The code in the error body."""
    code: str = json.loads(talk.content)["error"]["code"]
    return code


@pytest.mark.parametrize("stream", [False, True])
def test_call_is_answered_and_settled(
    application: Application, model: Model, headers: dict[str, str], stream: bool
) -> None:
    model.may_answer.set()
    message = call_message(stream=stream)
    talk = asyncio.run(
        ask(application, PATH, method="POST", headers=with_length(headers, stream=stream), messages=[message])
    )

    assert (talk.status, talk.is_complete) == (200, True)
    assert b"Hello" in talk.content
    assert wait_for_calls(10)
    assert UsageRecord.objects.get().state == "completed"


@pytest.mark.parametrize("stream", [False, True])
def test_signals_are_sent_once_and_in_a_thread_of_the_pool(
    application: Application, model: Model, headers: dict[str, str], stream: bool
) -> None:
    seen: list[tuple[str, threading.Thread]] = []
    has_finished = threading.Event()

    def started(**kwargs: Any) -> None:
        seen.append(("started", threading.current_thread()))

    def finished(**kwargs: Any) -> None:
        seen.append(("finished", threading.current_thread()))
        has_finished.set()

    model.may_answer.set()
    request_started.connect(started)
    request_finished.connect(finished)
    try:
        message = call_message(stream=stream)
        lengths = with_length(headers, stream=stream)
        asyncio.run(ask(application, PATH, method="POST", headers=lengths, messages=[message]))
        assert has_finished.wait(10)
    finally:
        request_started.disconnect(started)
        request_finished.disconnect(finished)

    (first, begin), (second, end) = seen
    assert (first, second) == ("started", "finished")
    assert {begin.name, end.name} == {"threadless-asgi"}
    assert stream or begin is end


def test_body_in_many_messages_is_joined(application: Application, model: Model, headers: dict[str, str]) -> None:
    model.may_answer.set()
    body = json.dumps(body_of()).encode()
    messages = [*(body_message(body[n : n + 1], more=True) for n in range(len(body))), body_message()]

    talk = asyncio.run(ask(application, PATH, method="POST", headers=with_length(headers), messages=messages))
    assert talk.status == 200


def test_body_announced_over_the_limit_is_not_read(
    application: Application, model: Model, headers: dict[str, str]
) -> None:
    talk = asyncio.run(ask(application, PATH, method="POST", headers=with_length(headers, 1001)))

    assert (talk.status, error_code(talk), talk.received) == (413, "request_too_large", 0)


def test_chunked_body_is_read_only_to_the_limit(
    application: Application, model: Model, headers: dict[str, str]
) -> None:
    messages = [body_message(b" " * 400, more=True)] * 5
    chunked = headers | {"Transfer-Encoding": "chunked"}
    talk = asyncio.run(ask(application, PATH, method="POST", headers=chunked, messages=messages))

    assert (talk.status, error_code(talk), talk.received) == (413, "request_too_large", 3)


def test_slow_body_is_refused_without_a_thread(
    application: Application, model: Model, headers: dict[str, str], configure: Configure
) -> None:
    configure(BODY_SECONDS=0.05)
    messages = [body_message(b"{", more=True)]
    talk = asyncio.run(ask(application, PATH, method="POST", headers=with_length(headers), messages=messages))

    assert (talk.status, error_code(talk), talk.headers["connection"]) == (408, "request_timeout", "close")
    assert "threadless-asgi" not in [thread.name for thread in threading.enumerate()]


def test_body_that_is_cut_off_gets_no_thread_and_no_row(
    application: Application, model: Model, headers: dict[str, str]
) -> None:
    messages = [body_message(b"{", more=True), {"type": "http.disconnect"}]
    talk = asyncio.run(ask(application, PATH, method="POST", headers=with_length(headers), messages=messages))

    assert (talk.sent, UsageRecord.objects.count()) == ([], 0)
    assert "threadless-asgi" not in [thread.name for thread in threading.enumerate()]


def test_body_is_refused_if_the_process_holds_too_many_bytes(
    application: Application, model: Model, headers: dict[str, str], configure: Configure
) -> None:
    configure(MAX_BYTES_IN_FLIGHT=50)
    talk = asyncio.run(ask(application, PATH, method="POST", headers=with_length(headers), messages=[call_message()]))

    assert (talk.status, error_code(talk), talk.headers["retry-after"]) == (503, "overloaded", "1")
    assert talk.headers["x-request-id"].startswith("req_")
    assert talk.headers["cache-control"] == "private, no-store"
    assert talk.headers["vary"] == "Authorization, Cookie"


def test_bytes_in_flight_are_given_back(application: Application, model: Model, headers: dict[str, str]) -> None:
    model.may_answer.set()
    before = in_flight.bytes
    asyncio.run(ask(application, PATH, method="POST", headers=with_length(headers), messages=[call_message()]))

    assert in_flight.bytes == before


@pytest.mark.parametrize("stream", [False, True])
def test_client_that_leaves_in_a_middleware_has_no_row(
    host: None, slow_middleware: None, model: Model, headers: dict[str, str], stream: bool
) -> None:
    async def leave_early() -> Conversation:
        message = call_message(stream=stream)
        async with talking(get_asgi_application(), PATH, message, headers=with_length(headers, stream=stream)) as (
            talk,
            task,
        ):
            await wait_in_thread(host_middleware.has_entered)
            talk.leave()
            await asyncio.sleep(0)  # the application takes the message
            await asyncio.sleep(0)
            host_middleware.may_go_on.set()
            await asyncio.wait_for(task, 10)
            return talk

    assert asyncio.run(leave_early()).sent == []
    assert (UsageRecord.objects.count(), model.asked.is_set()) == (0, False)


@pytest.mark.parametrize("stream", [False, True])
def test_client_that_leaves_cancels_its_call(
    application: Application, model: Model, headers: dict[str, str], stream: bool
) -> None:
    async def leave() -> None:
        message = call_message(stream=stream)
        async with talking(application, PATH, message, headers=with_length(headers, stream=stream)) as (talk, task):
            await wait_in_thread(model.asked)
            if stream:
                await talk.wait_for(b"Hello")
            talk.leave()
            if not stream:  # a function cannot be interrupted
                await asyncio.sleep(0.05)
                model.may_answer.set()
            await asyncio.wait_for(task, 10)

    asyncio.run(leave())
    model.may_answer.set()
    assert wait_for_calls(10)
    assert UsageRecord.objects.get().state == "cancelled"


def test_call_is_cancelled_if_the_server_cancels_the_application(
    application: Application, model: Model, headers: dict[str, str]
) -> None:
    async def cancel() -> None:
        message = call_message(stream=True)
        async with talking(application, PATH, message, headers=with_length(headers, stream=True)) as (talk, _):
            await talk.wait_for(b"Hello")

    asyncio.run(cancel())
    model.may_answer.set()
    assert wait_for_calls(10)
    assert UsageRecord.objects.get().state == "cancelled"


def test_full_pool_refuses_at_once_or_after_the_queue(
    application: Application, model: Model, headers: dict[str, str], configure: Configure
) -> None:
    configure(ASGI_THREADS=1)

    async def fill() -> list[Conversation]:
        lengths = with_length(headers)
        async with talking(application, PATH, call_message(), headers=lengths):
            await wait_in_thread(model.asked)
            async with talking(application, PATH, call_message(), headers=lengths) as (queued, task):
                await asyncio.sleep(0)
                refused = await ask(application, PATH, method="POST", headers=lengths, messages=[call_message()])
                await asyncio.wait_for(task, 10)
                return [queued, refused]

    for talk in asyncio.run(fill()):
        assert (talk.status, error_code(talk), talk.headers["retry-after"]) == (503, "overloaded", "1")


def test_request_in_the_queue_gets_the_next_free_thread(
    application: Application, model: Model, headers: dict[str, str], configure: Configure
) -> None:
    configure(ASGI_THREADS=1)

    async def wait_in_queue() -> int:
        lengths = with_length(headers)
        async with talking(application, PATH, call_message(), headers=lengths):
            await wait_in_thread(model.asked)
            async with talking(application, PATH, call_message(), headers=lengths) as (queued, task):
                await asyncio.sleep(0)
                model.may_answer.set()
                await asyncio.wait_for(task, 10)
                return queued.status

    assert asyncio.run(wait_in_queue()) == 200
