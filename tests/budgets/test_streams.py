"""A stream of unknown length reserves in steps, and ends cleanly when a budget is used up."""

from __future__ import annotations

import threading
from collections import Counter as Tally
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from tests.budgets.conftest import Model
from tests.support.fixtures import Configure
from threadless.budgets import api
from threadless.budgets.models import Counter
from threadless.calls.running import wait_for_calls
from threadless.models import UsageRecord
from threadless.signals import call_opened, call_settled
from threadless.testing import CompletionClient, read_events
from threadless.usage.sweep import sweep

pytestmark = pytest.mark.django_db(transaction=True)

PROMPT = 4 + 2


def sums() -> tuple[int, int]:
    """Spent and reserved of the only counter."""
    counter = Counter.objects.get()
    return counter.spent, counter.reserved


def stream(client: CompletionClient, **fields: Any) -> Any:
    """The events of a stream that has ended."""
    events = read_events(client.complete("small", "Hi", stream=True, **fields))
    assert wait_for_calls(10)
    return events


def test_stream_holds_at_most_one_step_more_than_it_has_produced(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", 10**6)
    model.answer = ["x" * 10] * 20
    held = []
    model.between = lambda number: held.append(sums()[1] - PROMPT)
    stream(client)
    assert all(0 < amount - 10 * number <= 64 for number, amount in enumerate(held))
    assert sums() == (PROMPT + 200, 0)


def test_steps_of_a_long_stream_grow_with_it(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", 10**9)
    model.answer = ["x" * 1000] * 100
    held = []
    model.between = lambda number: held.append(sums()[1])
    stream(client)
    assert len(set(held)) < 50


def test_stream_ends_with_an_event_when_the_budget_is_used_up(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", PROMPT + 200)
    model.answer = ["x" * 10] * 1000
    events = stream(client)
    assert events.error["code"] == "insufficient_quota"
    assert sums() == (PROMPT + 200, 0)
    record = UsageRecord.objects.get()
    assert (record.state, record.error_code, record.completion_tokens) == ("failed", "insufficient_quota", 200)


def test_stream_that_ends_exactly_at_the_limit_completes(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", PROMPT + 64)
    model.answer = ["x" * 63]
    assert stream(client).error is None
    assert sums() == (PROMPT + 63, 0)


def test_first_step_is_smaller_if_there_is_little_room(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", PROMPT + 20)
    model.answer = ["x" * 4] * 100
    assert stream(client).error["code"] == "insufficient_quota"
    assert sums() == (PROMPT + 20, 0)


def test_cost_budget_ends_a_stream_too(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "cost", "total", 1000 * (PROMPT + 200))
    model.answer = ["x" * 10] * 1000
    assert stream(client).error["code"] == "insufficient_quota"
    assert sums() == (1000 * (PROMPT + 200), 0)


def test_overshoot_is_at_most_one_chunk(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", PROMPT + 200)
    model.answer = ["x" * 30] * 1000
    stream(client)
    spent, _ = sums()
    assert PROMPT + 200 <= spent < PROMPT + 200 + 30


def test_95_percent_are_spent_before_the_first_of_20_streams_ends(
    model: Model, client: CompletionClient, configure: Configure
) -> None:
    configure(BUDGET_STEP_TOKENS=1024)
    api.set_budget(api.PLATFORM, "tokens", "total", 200_000)
    model.answer = ["x" * 7] * 100_000
    produced, produced_before_end = Tally[str](), []
    all_are_open = threading.Barrier(20)

    def opened(**kwargs: Any) -> None:
        all_are_open.wait(60)  # in the thread of the request, before its stream begins

    model.between = lambda number: produced.update(["chunks"])

    def settled(**kwargs: Any) -> None:
        produced_before_end.append(7 * produced["chunks"])

    def run() -> None:
        read_events(client.complete("small", "Hi", stream=True))
        connection.close()

    call_opened.connect(opened)
    call_settled.connect(settled)
    try:
        threads = [threading.Thread(target=run) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wait_for_calls(10)
    finally:
        call_opened.disconnect(opened)
        call_settled.disconnect(settled)
    assert produced_before_end[0] + 20 * PROMPT >= 0.95 * 200_000
    spent, reserved = sums()
    assert 200_000 <= spent <= 200_000 + 20 * 7
    assert reserved == 0


def test_hidden_reasoning_can_exceed_a_budget(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", PROMPT + 64)
    model.answer, model.hidden = ["x" * 10], 90
    assert stream(client).error is None
    assert sums() == (PROMPT + 100, 0)


def test_hidden_reasoning_cannot_exceed_a_budget_if_streams_reserve_everything(
    model: Model, client: CompletionClient, configure: Configure
) -> None:
    configure(BUDGET_STEP_TOKENS=None)
    api.set_budget(api.PLATFORM, "tokens", "total", PROMPT + 99)
    assert client.complete("small", "Hi", stream=True).status_code == 429
    assert sums() == (0, 0)


def test_stream_with_the_clients_limit_reserves_it_at_once(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", PROMPT + 500)
    model.answer = ["x" * 100] * 4
    held = []
    model.between = lambda number: held.append(sums()[1])
    stream(client, max_tokens=500)
    assert held == [PROMPT + 500] * 4


def test_stream_continues_while_the_database_is_away_and_reserves_later(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", 10**6)
    model.answer = ["x" * 64] * 4
    held = []

    def between(number: int) -> None:  # runs in the thread that reserves
        held.append(sums()[1] - PROMPT)
        connection.execute_wrappers[:] = [fail_to_write] if number == 0 else []

    model.between = between
    assert stream(client).error is None
    assert held == [64, 64, 192, 256]
    assert sums() == (PROMPT + 256, 0)


def fail_to_write(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """An execute wrapper: the database cannot be written."""
    if sql.startswith("UPDATE"):
        raise OperationalError("away")
    return execute(sql, params, many, context)


def test_stream_ends_if_its_row_was_swept(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", 10**6)
    model.answer = ["x" * 64] * 4

    def interrupt(number: int) -> None:
        UsageRecord.objects.filter(state="open").update(deadline=timezone.now() - timedelta(seconds=5))
        sweep()

    model.between = interrupt
    assert stream(client).error["code"] == "upstream_timeout"
    assert sums() == (PROMPT + 64, 0)
