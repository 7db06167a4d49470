"""A budget that has no room passes the whole call on to the next one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.budgets.conftest import Model
from threadless.budgets import api
from threadless.budgets.models import Counter
from threadless.calls.running import wait_for_calls
from threadless.testing import CompletionClient, read_events

pytestmark = pytest.mark.django_db(transaction=True)

PROMPT = 4 + 2


@pytest.fixture(params=["credit first", "allowance first"])
def chain(request: pytest.FixtureRequest, transactional_db: None) -> None:
    """A monthly allowance and then a credit. Their counters are locked in either order."""
    allowance, credit = ("month", 100), ("total", 1000)
    for period, limit in (credit, allowance) if request.param == "credit first" else (allowance, credit):
        api.set_budget(api.PLATFORM, "tokens", period, limit)
    credit_budget = api.set_budget(api.PLATFORM, "tokens", *credit)
    api.set_budget(api.PLATFORM, "tokens", *allowance, next=credit_budget)


def sums() -> dict[str, tuple[int, int]]:
    """Spent and reserved by period."""
    rows = Counter.objects.values_list("budget__period", "spent", "reserved")
    return {period: (spent, reserved) for period, spent, reserved in rows}


def ask(client: CompletionClient, **fields: Any) -> Any:
    response = client.complete("small", "Hi", **fields)
    response.events = read_events(response) if response.streaming else None
    assert wait_for_calls(10)
    return response


def test_first_budget_with_room_pays_the_whole_call(chain: None, model: Model, client: CompletionClient) -> None:
    ask(client, max_tokens=90)
    assert sums() == {"month": (PROMPT + 5, 0), "total": (0, 0)}
    ask(client, max_tokens=90)
    assert sums() == {"month": (PROMPT + 5, 0), "total": (PROMPT + 5, 0)}


def test_call_is_refused_by_the_last_budget(chain: None, model: Model, client: CompletionClient) -> None:
    message = ask(client, max_tokens=2000).json()["error"]["message"]
    assert "(tokens)" in message
    assert sums() == {"month": (0, 0), "total": (0, 0)}


def test_stream_that_outgrows_one_budget_is_charged_whole_to_the_next(
    chain: None, model: Model, client: CompletionClient
) -> None:
    model.answer = ["x" * 10] * 20
    held = []
    model.between = lambda number: held.append(sums())
    assert ask(client, stream=True).events.error is None
    assert held[0]["month"] == (0, PROMPT + 64)
    assert held[-1]["month"] == (0, 0)
    assert sums() == {"month": (0, 0), "total": (PROMPT + 200, 0)}


def test_stream_ends_if_the_last_budget_is_used_up(chain: None, model: Model, client: CompletionClient) -> None:
    model.answer = ["x" * 10] * 1000
    assert ask(client, stream=True).events.error["code"] == "insufficient_quota"
    assert sums() == {"month": (0, 0), "total": (1000 + 6, 0)}


def test_budget_that_follows_another_covers_no_calls_on_its_own(
    chain: None, model: Model, client: CompletionClient
) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", 0)
    assert ask(client, max_tokens=50).status_code == 200
