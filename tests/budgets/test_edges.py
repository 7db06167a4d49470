"""What happens in the rare cases that docs/budgets.md defines."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from tests.budgets.conftest import Model
from tests.support import factories
from tests.support.fixtures import Configure
from threadless.budgets import api
from threadless.budgets.models import Budget, Counter
from threadless.calls.running import wait_for_calls
from threadless.keys.adapters import get_api_key_model
from threadless.models import UsageRecord
from threadless.testing import CompletionClient, read_events

pytestmark = pytest.mark.django_db(transaction=True)

PROMPT = 4 + 2
ANSWER = 5
STREAMS = 20


def ask(client: CompletionClient, **fields: Any) -> Any:
    """The response to a call that has ended."""
    response = client.complete("small", "Hi", **fields)
    response.events = read_events(response) if response.streaming else None
    assert wait_for_calls(10)
    return response


def spent() -> list[int]:
    """Of each counter, in the order in which they were made."""
    return list(Counter.objects.order_by("pk").values_list("spent", flat=True))


@pytest.mark.parametrize("usage", [(-5, -1000), (-5, 5), (10**12, 10**12), (2**70, 1)], ids=str)
@pytest.mark.parametrize("unit", ["tokens", "cost"])
def test_usage_that_cannot_be_true_neither_refunds_nor_empties_a_budget(
    model: Model, client: CompletionClient, unit: str, usage: tuple[int, int]
) -> None:
    prompt, completion = usage
    model.usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    api.set_budget(api.PLATFORM, unit, "month", 10**9)
    assert ask(client).status_code == 200
    per_token = 1000 if unit == "cost" else 1
    assert 0 < spent()[0] <= 2 * per_token * (PROMPT + ANSWER)
    assert Counter.objects.get().reserved == 0


def test_another_period_is_another_budget_and_both_pay(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "day", 1000)
    ask(client)
    api.set_budget(api.PLATFORM, "tokens", "month", 1000)
    ask(client)
    assert spent() == [2 * (PROMPT + ANSWER), PROMPT + ANSWER]


def test_stream_ends_at_its_next_step_if_the_limit_is_lowered(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", 10**6)
    model.answer = ["x" * 64] * 10

    def lower(number: int) -> None:
        if number == 2:
            api.set_budget(api.PLATFORM, "tokens", "total", 1)

    model.between = lower
    assert ask(client, stream=True).events.error["code"] == "insufficient_quota"
    counter = Counter.objects.get()
    assert (counter.limit, counter.reserved) == (1, 0)
    assert counter.spent == PROMPT + (UsageRecord.objects.get().completion_tokens or 0)


@pytest.mark.parametrize("is_user", [False, True], ids=["key", "user"])
def test_call_of_a_key_or_user_that_is_deleted_meanwhile_pays(model: Model, is_user: bool) -> None:
    user = factories.make_user()
    key, secret = factories.make_key(user=user)
    subject = api.user(user.pk) if is_user else api.key(key.pk)
    deleted: Any = get_user_model() if is_user else get_api_key_model()
    api.set_budget(subject, "tokens", "month", 1000)
    model.between = lambda number: deleted.objects.filter(pk=subject.id).delete()
    assert ask(CompletionClient(secret), stream=True).events.error is None
    assert spent() == [PROMPT + ANSWER]
    assert Budget.objects.get().subject_id == subject.id


def test_call_pays_into_the_period_of_its_opening_when_the_time_zone_changes(
    model: Model, client: CompletionClient, configure: Configure
) -> None:
    api.set_budget(api.PLATFORM, "tokens", "day", 1000)
    ask(client)
    west = timezone.now().astimezone(timezone.get_fixed_timezone(0)).hour < 12
    configure(BILLING_TIME_ZONE="Etc/GMT+12" if west else "Etc/GMT-14")
    ask(client)
    assert spent() == [PROMPT + ANSWER] * 2
    assert [state.spent for state in api.list_budgets()] == [PROMPT + ANSWER]


def test_20_streams_exceed_a_budget_at_most_by_a_chunk_and_their_hidden_reasoning_each(
    model: Model, client: CompletionClient
) -> None:
    limit, chunk, hidden = 20_000, 7, 500
    model.answer, model.hidden = ["x" * chunk] * 100, hidden
    api.set_budget(api.PLATFORM, "tokens", "total", limit)
    events: list[Any] = []

    def run() -> None:
        response = client.complete("small", "Hi", stream=True)
        events.append(read_events(response).error if response.streaming else response.json()["error"])
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(STREAMS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wait_for_calls(30)
    counter = Counter.objects.get()
    assert counter.reserved == 0
    assert 0.95 * limit <= counter.spent <= limit + STREAMS * (chunk + hidden)
