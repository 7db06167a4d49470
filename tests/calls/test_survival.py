"""Whatever raises, and wherever: the place of the call is free again, and its row is settled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.dispatch import Signal

from tests.calls.doorman import Doorman
from tests.support import factories
from threadless import signals
from threadless.calls import running
from threadless.calls.limits import ConcurrencyGate
from threadless.calls.ownership import Ownership
from threadless.calls.threads import threads
from threadless.models import UsageRecord
from threadless.testing import CompletionClient
from threadless.usage.recorder import DatabaseUsageRecorder

pytestmark = pytest.mark.django_db(transaction=True)

WAIT = 10
both_kinds = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


def say_two_words(payload: Any, caller: Any) -> Iterator[str]:
    yield "One "
    yield "two."


def break_off(payload: Any, caller: Any) -> Iterator[str]:
    yield "One "
    raise SystemExit


def miscount(text: str, model: str) -> int:
    raise ValueError("of a counter")


class FailingRecorder(DatabaseUsageRecorder):
    """Settles, and breaks."""

    def settle(self, entry: Any, outcome: Any) -> None:
        super().settle(entry, outcome)
        raise self.failure

    failure: BaseException = ValueError("of a recorder")


class ExitingRecorder(FailingRecorder):
    """Ends its thread."""

    failure = SystemExit()


@pytest.fixture
def api(settings: Any) -> Iterator[CompletionClient]:
    """A client; its calls are over at the end, and each has given its place back."""
    change(settings, say_two_words, GATES=["threadless.calls.limits.ConcurrencyGate", Doorman])
    Doorman.is_closed, Doorman.inside = False, 0
    Doorman.ends.clear()
    yield CompletionClient(factories.make_key()[1], raise_request_exception=False)
    assert running.wait_for_calls(WAIT)
    assert Doorman.inside == 0
    assert not ConcurrencyGate._open
    end_threads()


def end_threads() -> None:
    """Wait for the end of every thread of a call: what it raises belongs to this test and not to a later one."""
    while left := [thread for thread in threading.enumerate() if thread.name == "threadless-call"]:
        threads.retire()
        left[0].join(0.05)


def change(settings: Any, function: Any, **values: Any) -> None:
    backend = {"BACKEND": "threadless.backends.function.FunctionBackend", "OPTIONS": {"function": function}}
    settings.THREADLESS = {**settings.THREADLESS, "BACKENDS": {"default": backend}, **values}


def row_of_call(api: CompletionClient, *, stream: bool) -> UsageRecord:
    """The row of a call, which may end its own thread."""
    try:
        response = api.complete("small", "Hi", stream=stream)
        b"".join(response)
        response.close()
    except SystemExit:
        pass
    assert running.wait_for_calls(WAIT)
    return UsageRecord.objects.get()


@both_kinds
def test_counter_that_raises_costs_neither_answer_nor_row(api: CompletionClient, settings: Any, stream: bool) -> None:
    change(settings, say_two_words, TOKEN_COUNTER=miscount)
    row = row_of_call(api, stream=stream)
    assert (row.state, row.usage_source) == ("completed", "estimated")
    assert row.completion_tokens


@both_kinds
@pytest.mark.parametrize("recorder", [FailingRecorder, ExitingRecorder])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_recorder_that_raises_does_not_keep_the_place(
    api: CompletionClient, settings: Any, stream: bool, recorder: type[DatabaseUsageRecorder]
) -> None:
    change(settings, say_two_words, USAGE_RECORDER=recorder)
    assert row_of_call(api, stream=stream).state == "completed"


@both_kinds
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_backend_that_ends_its_thread_is_a_failure(api: CompletionClient, settings: Any, stream: bool) -> None:
    change(settings, break_off)
    assert row_of_call(api, stream=stream).state == "failed"


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()], ids=["runtime", "memory"])
def test_call_without_a_thread_is_a_failure(
    api: CompletionClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    threads.retire()
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "threadless-call":
            raise error
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert row_of_call(api, stream=True).state == "failed"


@both_kinds
@pytest.mark.parametrize(
    ("signal", "state"),
    [(signals.call_opened, "failed"), (signals.call_settled, "completed")],
    ids=["opened", "settled"],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_receiver_that_ends_its_thread_does_not_keep_the_place(
    api: CompletionClient, signal: Signal, state: str, stream: bool
) -> None:
    def leave(**kwargs: Any) -> None:
        raise SystemExit

    signal.connect(leave)
    try:
        assert row_of_call(api, stream=stream).state == state
    finally:
        signal.disconnect(leave)


def test_interruption_of_an_end_is_raised_after_the_other_ends() -> None:
    ended: list[str] = []

    def note(error: BaseException | None) -> None:
        ended.append("noted")
        raise ValueError("of a later end")

    def interrupt(error: BaseException | None) -> None:
        raise KeyboardInterrupt

    owned = Ownership()
    owned.add(note)
    owned.add(interrupt)
    with pytest.raises(KeyboardInterrupt):
        owned.__exit__(None, None, None)
    assert ended == ["noted"]
