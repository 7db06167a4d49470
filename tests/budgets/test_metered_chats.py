"""A platform's own chats are charged to budgets only if its code asks for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.budgets.conftest import Model
from threadless.budgets import api
from threadless.budgets.models import Counter
from threadless.exceptions import InsufficientQuota
from threadless.models import UsageRecord
from threadless.types import Caller, ChatRequest, Completion, Target
from threadless.usage.meter import meter

pytestmark = pytest.mark.django_db(transaction=True)

TARGET = Target(id="small", model="m")
CALLER = Caller(user_id=None, account="acme")
REQUEST = ChatRequest.build(messages=[{"role": "user", "content": "Hi"}])
PROMPT = 4 + 2
USAGE = {"prompt_tokens": PROMPT, "completion_tokens": 5, "total_tokens": PROMPT + 5}


def chat(**options: Any) -> tuple[int, int]:
    """Reserved while the chat runs, and spent after it."""
    with meter(REQUEST, TARGET, CALLER, **options) as metering:
        reserved = sum(Counter.objects.values_list("reserved", flat=True))
        metering.answered(Completion.from_text("Hello", usage=USAGE))
    return reserved, sum(Counter.objects.values_list("spent", flat=True))


def test_chat_is_charged_if_the_code_asks_for_it(model: Model) -> None:
    api.set_budget(api.account("acme"), "tokens", "month", 1000)
    charge = api.charge(REQUEST, TARGET, CALLER, output_tokens=40)
    assert chat(reservations=charge) == (PROMPT + 40, PROMPT + 5)


def test_chat_without_a_limit_reserves_that_of_the_setting(model: Model) -> None:
    api.set_budget(api.PLATFORM, "tokens", "month", 1000)
    assert chat(reservations=api.charge(REQUEST, TARGET, CALLER))[0] == PROMPT + 100


def test_chat_beyond_the_budget_is_refused_and_leaves_no_record(model: Model) -> None:
    api.set_budget(api.PLATFORM, "tokens", "month", PROMPT + 39)
    with pytest.raises(InsufficientQuota):
        chat(reservations=api.charge(REQUEST, TARGET, CALLER, output_tokens=40))
    assert not UsageRecord.objects.exists()


def test_other_chats_are_not_charged(model: Model) -> None:
    api.set_budget(api.PLATFORM, "tokens", "month", 1000)
    assert chat() == (0, 0)


def test_chat_of_a_caller_without_a_budget_reserves_nothing(model: Model) -> None:
    assert api.charge(REQUEST, TARGET, CALLER) == {}
