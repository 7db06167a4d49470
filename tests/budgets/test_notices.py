"""A budget that only notifies refuses nobody and sends a signal at 50, 80 and 100 percent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.budgets.conftest import Model
from threadless.budgets import api
from threadless.budgets.models import Counter
from threadless.budgets.notices import budget_reached
from threadless.calls.running import wait_for_calls
from threadless.testing import CompletionClient, read_events

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def percents() -> Iterator[list[int]]:
    """The percentages of the signals so far."""
    received: list[int] = []

    def receive(*, percent: int, budget: Any, **kwargs: Any) -> None:
        assert budget.unit == "calls"
        received.append(percent)

    budget_reached.connect(receive)
    yield received
    budget_reached.disconnect(receive)


def test_each_percentage_is_signaled_once(model: Model, client: CompletionClient, percents: list[int]) -> None:
    api.set_budget(api.PLATFORM, "calls", "month", 5, action="notify")
    seen = []
    for _ in range(7):
        assert client.complete("small", "Hi").status_code == 200
        seen.append(list(percents))
    assert seen == [[], [], [50], [50, 80], [50, 80, 100], [50, 80, 100], [50, 80, 100]]


def test_call_that_passes_several_percentages_signals_all(
    model: Model, client: CompletionClient, percents: list[int]
) -> None:
    api.set_budget(api.PLATFORM, "calls", "month", 1, action="notify")
    client.complete("small", "Hi")
    assert percents == [50, 80, 100]


def test_nothing_is_reserved(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "month", 10, action="notify")
    held = []
    model.between = lambda number: held.append(Counter.objects.get().reserved)
    model.answer = ["x" * 100] * 3
    read_events(client.complete("small", "Hi", stream=True))
    assert wait_for_calls(10)
    assert held == [0, 0, 0]
    assert Counter.objects.get().spent == 306


def test_receiver_that_fails_changes_nothing(model: Model, client: CompletionClient) -> None:
    def fail(**kwargs: Any) -> None:
        raise ValueError("a mistake of the platform")

    budget_reached.connect(fail)
    try:
        api.set_budget(api.PLATFORM, "calls", "month", 1, action="notify")
        assert client.complete("small", "Hi").status_code == 200
    finally:
        budget_reached.disconnect(fail)
    assert Counter.objects.get().spent == 1
