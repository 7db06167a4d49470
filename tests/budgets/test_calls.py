"""A call reserves what it may need, is refused if there is no room, and pays what it used."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.budgets.conftest import Model
from tests.support import factories
from tests.support.fixtures import Configure
from threadless.budgets import api, refusals
from threadless.budgets.models import Budget, BudgetChange, Counter
from threadless.calls.running import wait_for_calls
from threadless.exceptions import UpstreamError
from threadless.models import UsageRecord
from threadless.testing import CompletionClient, read_events

pytestmark = pytest.mark.django_db(transaction=True)

PROMPT = 4 + 2
"""Tokens of the prompt "Hi"."""
both_kinds = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


def sums() -> tuple[int, int, int]:
    """Limit, spent and reserved of the only counter."""
    counter = Counter.objects.get()
    return counter.limit, counter.spent, counter.reserved


def ask(client: CompletionClient, model: str = "small", text: str = "Hi", **fields: Any) -> Any:
    """The response to a call that has ended."""
    response = client.complete(model, text, **fields)
    if response.streaming:
        response.events = read_events(response)
    assert wait_for_calls(10)
    return response


@both_kinds
@pytest.mark.parametrize(("unit", "spent"), [("tokens", PROMPT + 5), ("cost", 1000 * (PROMPT + 5)), ("calls", 1)])
def test_budget_pays_what_a_call_used(
    model: Model, client: CompletionClient, unit: str, spent: int, stream: bool
) -> None:
    api.set_budget(api.PLATFORM, unit, "month", 10**6)
    assert ask(client, stream=stream).status_code == 200
    assert sums() == (10**6, spent, 0)


def test_every_budget_of_the_caller_pays(model: Model, client: CompletionClient, user: Any) -> None:
    key, secret = factories.make_key(user=user)
    for subject in (api.PLATFORM, api.key(key.pk), api.user(user.pk)):
        for period in ("day", "total"):
            api.set_budget(subject, "tokens", period, 1000)
    ask(CompletionClient(secret))
    assert set(Counter.objects.values_list("spent", "reserved")) == {(PROMPT + 5, 0)}
    assert Counter.objects.count() == 6


def test_running_call_holds_its_prompt_and_its_output_limit(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "month", 1000)
    seen = []
    model.between = lambda number: seen.append(sums())
    ask(client, stream=True, max_tokens=40)
    assert seen == [(1000, 0, PROMPT + 40)]


@pytest.mark.parametrize(
    ("fields", "target", "held"),
    [
        ({"max_tokens": 40}, {}, 40),
        ({"max_completion_tokens": 40, "n": 3}, {}, 120),
        ({"max_tokens": 40}, {"max_output_tokens": 30}, 30),
        ({}, {"max_output_tokens": 30}, 30),
        ({}, {}, 100),
    ],
)
def test_plain_call_needs_the_smallest_known_limit(
    model: Model, client: CompletionClient, configure: Configure, fields: Any, target: Any, held: int
) -> None:
    configure(MODELS={"small": {"model": "m", **target}})
    api.set_budget(api.PLATFORM, "tokens", "month", PROMPT + held - 1)
    assert ask(client, **fields).status_code == 429
    api.set_budget(api.PLATFORM, "tokens", "month", PROMPT + held)
    assert ask(client, **fields).status_code == 200


def test_margin_is_added_to_the_prompt(model: Model, client: CompletionClient, configure: Configure) -> None:
    configure(BUDGET_PROMPT_MARGIN=50)
    api.set_budget(api.PLATFORM, "tokens", "month", PROMPT + PROMPT // 2 + 39)
    assert ask(client, max_tokens=40).status_code == 429


@both_kinds
def test_refusal_names_the_budget_and_its_reset_and_is_not_retried(
    model: Model, client: CompletionClient, stream: bool
) -> None:
    api.set_budget(api.PLATFORM, "tokens", "month", 3)
    response = ask(client, stream=stream)
    [state] = api.list_budgets()
    assert state.resets_at is not None
    assert response.status_code == 429
    assert response.headers["x-should-retry"] == "false"
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_quota")
    assert error["message"] == (
        "The budget of the platform (tokens per month) has no room for this call. "
        f"It resets at {state.resets_at.isoformat()}."
    )


def test_refusal_by_a_total_says_that_it_does_not_reset(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "calls", "total", 0)
    message = ask(client).json()["error"]["message"]
    assert message == "The budget of the platform (calls) has no room for this call. It does not reset."


def test_refusal_leaves_no_row_asks_no_model_and_is_counted(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "calls", "day", 0)
    for _ in range(3):
        ask(client)
    refusals.write()
    assert (UsageRecord.objects.count(), model.calls) == (0, 0)
    assert api.list_budgets()[0].refused == 3


def test_budget_of_another_key_refuses_nobody(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.key("another"), "calls", "day", 0)
    assert ask(client).status_code == 200


def test_too_many_concurrent_calls_may_be_retried(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "concurrent", "total", 1)
    responses = []
    model.between = lambda number: responses.append(client.complete("small", "Hi"))
    ask(client, stream=True)
    assert (responses[0].status_code, responses[0].headers["Retry-After"]) == (429, "1")
    assert responses[0].json()["error"]["code"] == "rate_limit_exceeded"
    assert sums() == (1, 0, 0)


def test_failed_call_gives_back_what_it_held(model: Model, client: CompletionClient) -> None:
    def fail(number: int) -> None:
        raise UpstreamError

    api.set_budget(api.PLATFORM, "tokens", "month", 1000)
    model.between = fail
    ask(client, stream=True)
    assert sums() == (1000, 0, 0)


def test_call_without_a_price_is_refused_by_a_cost_budget(
    model: Model, client: CompletionClient, configure: Configure
) -> None:
    api.set_budget(api.PLATFORM, "cost", "month", 10**9)
    assert "has no price" in ask(client, "unpriced").json()["error"]["message"]
    configure(BUDGET_UNPRICED="admit")
    assert ask(client, "unpriced").status_code == 200
    assert sums() == (10**9, 0, 0)


def test_reasoning_that_costs_more_is_reserved(model: Model, client: CompletionClient, configure: Configure) -> None:
    price = {"prompt": "0", "completion": "1", "reasoning": "3"}
    configure(MODELS={"small": {"model": "m", "price": price}})
    api.set_budget(api.PLATFORM, "cost", "month", 40 * 3000 - 1)
    assert ask(client, max_tokens=40).status_code == 429
    api.set_budget(api.PLATFORM, "cost", "month", 40 * 3000)
    assert ask(client, max_tokens=40).status_code == 200


def test_limit_lowered_below_what_is_spent_refuses_at_once(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", 1000)
    ask(client)
    api.set_budget(api.PLATFORM, "tokens", "total", 1)
    assert ask(client).status_code == 429
    assert sums() == (1, PROMPT + 5, 0)


def test_budget_deleted_while_a_call_runs_costs_it_nothing(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", 1000)
    model.between = lambda number: api.delete_budget(api.PLATFORM, "tokens", "total")
    assert ask(client, stream=True).status_code == 200
    assert UsageRecord.objects.get().state == "completed"


def test_budget_that_another_process_deleted_refuses_nobody(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", 1000)
    ask(client)
    BudgetChange.objects.update(budget=None)
    Counter.objects.all()._raw_delete("default")  # without signals, so this process still knows them
    Budget.objects.all()._raw_delete("default")
    assert ask(client).status_code == 200


def test_caller_without_a_budget_causes_no_query_of_the_app(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.key("another"), "tokens", "total", 1000)
    ask(client)
    with CaptureQueriesContext(connection) as queries:
        ask(client)
    assert not [query["sql"] for query in queries if "budget" in query["sql"] or "BEGIN" in query["sql"]]


def test_call_with_one_budget_writes_its_counter_twice_and_reads_nothing(
    model: Model, client: CompletionClient
) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", 1000)
    ask(client)
    with CaptureQueriesContext(connection) as queries:
        ask(client)
    statements = [query["sql"] for query in queries]
    assert len([sql for sql in statements if "budgets_counter" in sql]) == 2
    assert not [sql for sql in statements if sql.startswith("SELECT") and ("budget" in sql or "hook_state" in sql)]
    if connection.vendor == "postgresql":
        assert "BEGIN" not in statements


def test_call_with_several_budgets_writes_their_counters_together(model: Model, client: CompletionClient) -> None:
    for unit in ("tokens", "calls", "concurrent"):
        api.set_budget(api.PLATFORM, unit, "total", 1000)
    ask(client)
    with CaptureQueriesContext(connection) as queries:
        ask(client)
    statements = [query["sql"] for query in queries]
    is_joint = connection.vendor == "postgresql"
    assert len([sql for sql in statements if "budgets_counter" in sql]) == (2 if is_joint else 6)
    assert ("BEGIN" in statements) == (not is_joint)


def test_no_budget_is_charged_if_one_of_several_has_no_room(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", 1000)
    api.set_budget(api.PLATFORM, "calls", "total", 1)
    api.set_budget(api.PLATFORM, "concurrent", "total", 5)
    assert [ask(client).status_code for _ in range(2)] == [200, 429]
    sums = Counter.objects.values_list("budget__unit", "spent", "reserved")
    assert {unit: (spent, reserved) for unit, spent, reserved in sums} == {
        "tokens": (PROMPT + 5, 0),
        "calls": (1, 0),
        "concurrent": (0, 0),
    }
