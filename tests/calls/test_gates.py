"""A gate admits, refuses, and learns of the end of each admitted call exactly once, however the call ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.calls.doorman import Doorman
from tests.support import factories
from threadless.calls import running
from threadless.calls.gates import Gate
from threadless.calls.threads import threads
from threadless.exceptions import InsufficientQuota, RateLimited, UpstreamError
from threadless.models import UsageRecord
from threadless.testing import CompletionClient, read_events
from threadless.usage.recorder import DatabaseUsageRecorder

pytestmark = pytest.mark.django_db(transaction=True)

WAIT = 10
PATH = "/api/v1/chat/completions"
both_kinds = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


class Model:
    """The LLM path: waits, fails or stops the process, as the question says."""

    def __init__(self) -> None:
        self.asked, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, payload: Any, caller: Any) -> Any:
        return self.words(payload["messages"][-1]["content"], is_stream=bool(payload.get("stream")))

    def words(self, question: str, *, is_stream: bool) -> Iterator[str]:
        if question == "fail":
            raise UpstreamError
        if question == "exit":
            raise SystemExit
        if question == "wait":
            self.asked.set()
            self.may_go_on.wait(WAIT)
        yield "One "
        self.asked.set()
        if question == "fail later":
            raise UpstreamError
        while question == "endless":
            yield "more "
        yield "two."


@pytest.fixture
def model(settings: Any) -> Iterator[Model]:
    model = Model()
    backend = {"BACKEND": "threadless.backends.function.FunctionBackend", "OPTIONS": {"function": model}}
    gates = ["threadless.calls.limits.ConcurrencyGate", Doorman]
    settings.THREADLESS = {**settings.THREADLESS, "BACKENDS": {"default": backend}, "GATES": gates}
    Doorman.is_closed, Doorman.inside = False, 0
    Doorman.ends.clear()
    yield model
    model.may_go_on.set()
    assert running.wait_for_calls(WAIT)


@pytest.fixture
def api(model: Model) -> CompletionClient:
    return CompletionClient(factories.make_key()[1], raise_request_exception=False)


def add(settings: Any, **values: Any) -> None:
    settings.THREADLESS = {**settings.THREADLESS, **values}


def ends() -> list[str | None]:
    """How the calls ended, once all of them have."""
    assert running.wait_for_calls(WAIT)
    assert Doorman.inside == 0
    return Doorman.ends


def read(response: Any) -> None:
    b"".join(response)
    response.close()


@both_kinds
@pytest.mark.parametrize(("question", "state"), [("Hi", "completed"), ("fail", "failed"), ("fail later", "failed")])
def test_gate_learns_of_a_call_that_completes_or_fails(
    api: CompletionClient, question: str, state: str, stream: bool
) -> None:
    read(api.complete("small", question, stream=stream))
    assert ends() == [state]


@both_kinds
def test_closed_gate_refuses_the_call_and_no_row_is_opened(api: CompletionClient, stream: bool) -> None:
    Doorman.is_closed = True
    response = api.complete("small", "Hi", stream=stream)
    assert (response.status_code, response.json()["error"]["message"]) == (429, "Closed.")
    assert ends() == []
    assert not UsageRecord.objects.exists()


class Refusal(Gate):
    """A later gate."""

    def admit(self, call: Any) -> None:
        raise RateLimited("No.")


@both_kinds
def test_gate_learns_that_a_later_gate_refused(api: CompletionClient, settings: Any, stream: bool) -> None:
    add(settings, GATES=[Doorman, Refusal])
    assert api.complete("small", "Hi", stream=stream).status_code == 429
    assert ends() == [None]


class ClosedLedger(DatabaseUsageRecorder):
    """Takes no row."""

    def open(self, opening: Any) -> Any:
        raise RuntimeError("The disk is full.")


@both_kinds
def test_gate_learns_that_the_row_could_not_be_opened(api: CompletionClient, settings: Any, stream: bool) -> None:
    add(settings, USAGE_RECORDER=ClosedLedger)
    assert api.complete("small", "Hi", stream=stream).status_code == 500
    assert ends() == [None]


@both_kinds
def test_gate_learns_of_a_client_that_left_before_the_upstream_was_asked(
    api: CompletionClient, model: Model, stream: bool
) -> None:
    gone = socket.socket()
    gone.close()
    response = post_over(api, gone, "Hi", stream=stream)
    assert response.status_code == 499
    assert ends() == ["cancelled"]
    assert not model.asked.is_set()


class UnwatchableSocket:
    """The process has no descriptor left for it."""

    def fileno(self) -> int:
        raise OSError(28, "No space left on device")

    def setsockopt(self, *option: int) -> None:
        raise OSError(9, "Bad file descriptor")


@both_kinds
def test_client_that_cannot_be_watched_is_served(api: CompletionClient, stream: bool) -> None:
    response = post_over(api, UnwatchableSocket(), "Hi", stream=stream)
    assert b"two." in b"".join(response)
    assert ends() == ["completed"]
    assert UsageRecord.objects.get().state == "completed"


def post_over(api: CompletionClient, sock: Any, question: str, *, stream: bool) -> Any:
    """A call whose server shows the client's socket."""
    body = {"model": "small", "messages": [{"role": "user", "content": question}], "stream": stream}
    return api.post(PATH, body, content_type="application/json", **{"gunicorn.socket": sock})


@both_kinds
def test_gate_learns_of_a_client_that_left_before_the_first_token(
    api: CompletionClient, model: Model, stream: bool
) -> None:
    server, client = socket.socketpair()

    def leave() -> None:
        model.asked.wait(WAIT)
        client.close()
        # The backend has no socket to shut, so it goes on, and its call learns of the end between two items.
        threading.Event().wait(0.2)
        model.may_go_on.set()

    leaving = threading.Thread(target=leave)
    leaving.start()
    with server:
        response = post_over(api, server, "wait", stream=stream)
        leaving.join(WAIT)
    assert response.status_code == 499
    assert ends() == ["cancelled"]


def test_gate_learns_of_a_client_that_left_in_the_middle_of_a_stream(api: CompletionClient) -> None:
    response = api.complete("small", "endless", stream=True)
    next(iter(response.streaming_content))
    response.close()
    assert ends() == ["cancelled"]


def test_gate_learns_of_a_call_for_which_there_was_no_thread(
    api: CompletionClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads.retire()
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "threadless-call":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert api.complete("small", "Hi", stream=True).status_code == 500
    assert ends() == ["failed"]


def test_gate_learns_of_an_exception_that_is_no_failure(api: CompletionClient) -> None:
    with pytest.raises(SystemExit):
        api.complete("small", "exit")
    assert ends() == ["failed"]
    assert UsageRecord.objects.get().state == "failed"


@pytest.mark.parametrize("question", ["wait", "endless"])
def test_gate_learns_of_calls_that_the_stop_of_the_server_ends(
    api: CompletionClient, model: Model, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    monkeypatch.setattr(running, "_is_over", False)  # restored after the test
    response = stream_in_a_thread(api, question)
    assert model.asked.wait(WAIT)
    model.may_go_on.set()
    assert running.end_calls(WAIT)
    assert b"upstream_unavailable" in b"".join(response())
    assert ends() == ["failed"]


def stream_in_a_thread(api: CompletionClient, question: str) -> Callable[[], Any]:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(api.complete("small", question, stream=True)))
    thread.start()

    def response() -> Any:
        thread.join(WAIT)
        return found[0]

    return response


class FailingGate(Gate):
    """Breaks wherever a call has been admitted."""

    def admit(self, call: Any) -> int:
        return 1

    def progress(self, call: Any) -> int:
        raise OSError("The cache is away.")

    def leave(self, call: Any, outcome: Any) -> None:
        raise OSError("The cache is away.")


@both_kinds
def test_gate_that_fails_affects_no_answer_no_row_and_no_other_gate(
    api: CompletionClient, settings: Any, stream: bool
) -> None:
    add(settings, GATES=[Doorman, FailingGate])
    response = api.complete("small", "Hi", stream=stream)
    assert response.status_code == 200
    assert b"two." in b"".join(response)
    assert ends() == ["completed"]
    assert UsageRecord.objects.get().state == "completed"


class Meter(Gate):
    """Ends a call that has produced more than eight tokens; asks every four."""

    marks: list[int] = []

    def admit(self, call: Any) -> int:
        return 4

    def progress(self, call: Any) -> int:
        self.marks.append(call.account.tokens())
        if call.account.tokens() > 8:
            raise InsufficientQuota("The budget is used up.")
        return 8


def test_gate_can_end_a_stream_when_its_mark_is_reached(api: CompletionClient, settings: Any) -> None:
    add(settings, GATES=[Doorman, Meter])
    Meter.marks.clear()
    events = read_events(api.complete("small", "endless", stream=True))
    assert events.error is not None
    assert (events.error["code"], events.is_done) == ("insufficient_quota", False)
    assert Meter.marks[0] >= 4
    assert ends() == ["failed"]
