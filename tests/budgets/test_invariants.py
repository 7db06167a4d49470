"""Whatever order calls open, grow, end, die, are swept and settle late in: the counters agree with the ledger."""

from __future__ import annotations

import json
from collections import Counter as Sums
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from tests.support.factories import make_opening
from threadless.budgets import api, counters, known
from threadless.budgets.hook import NAME
from threadless.budgets.models import Budget, Counter
from threadless.budgets.needs import Need
from threadless.budgets.plan import Plan
from threadless.budgets.steps import extend
from threadless.exceptions import APIError
from threadless.models import UsageRecord
from threadless.pricing import cost_nano
from threadless.types import Caller, Target, Usage
from threadless.usage.base import Entry, Outcome
from threadless.usage.hooks import load_states
from threadless.usage.recorder import DatabaseUsageRecorder
from threadless.usage.sweep import sweep

TARGET = Target(id="small", model="m", price={"prompt": "1", "completion": "3"})
CALLER = Caller(user_id=None, key_id="7", account="acme")
"""Five budgets cover its calls."""
LONE = Caller(user_id=None, key_id="8")
"""One budget covers its calls, for which the statements are others on PostgreSQL."""
FIELDS = {"tokens": ("prompt_tokens", "completion_tokens"), "cost": ("cost_nano",)}
amounts = st.integers(0, 300)


class Running:
    """A call and what its process knows of it."""

    def __init__(self, plan: Plan, entry: Entry) -> None:
        self.plan, self.entry, self.is_live = plan, entry, True


class Calls(RuleBasedStateMachine):
    """A platform with budgets of every unit, one of them with a next one."""

    running = Bundle("running")

    def __init__(self) -> None:
        super().__init__()
        UsageRecord.objects.all().delete()
        Budget.objects.all().delete()
        credit = api.set_budget(api.account("acme"), "tokens", "total", 3000)
        api.set_budget(api.account("acme"), "tokens", "day", 500, next=credit)
        api.set_budget(api.key(7), "cost", "month", 2_000_000)
        api.set_budget(api.account("acme"), "concurrent", "total", 6)
        api.set_budget(api.account("acme"), "calls", "week", 12)
        api.set_budget(api.key(8), "tokens", "month", 2000)
        known.forget()
        counters.forget()

    @rule(
        target=running,
        caller=st.sampled_from([CALLER, LONE]),
        prompt=amounts,
        output=st.integers(1, 300),
        is_stepwise=st.booleans(),
    )
    def reserve(self, caller: Caller, prompt: int, output: int, is_stepwise: bool) -> Any:
        chains = known.chains_of("default", caller)
        plan = Plan("default", chains, Need(TARGET, prompt, output, is_stepwise), timezone.now())
        opening = make_opening(caller=caller, target=TARGET, reservations={NAME: plan})
        try:
            return Running(plan, DatabaseUsageRecorder().open(opening))
        except APIError:
            return multiple()

    @rule(call=running, more=amounts)
    def extend(self, call: Running, more: int) -> None:
        if call.is_live and call.plan.grows:
            try:
                extend(call.plan, call.entry, call.plan.output + more, NAME)
            except APIError:
                self.settle(call, 5, call.plan.output + more)

    @rule(call=running, prompt=amounts, completion=amounts)
    def settle(self, call: Running, prompt: int, completion: int) -> None:
        """Also twice, and after a sweep."""
        usage = Usage(prompt_tokens=prompt, completion_tokens=completion)
        outcome = Outcome(state="completed", usage=usage, cost_nano=cost_nano(TARGET, usage))
        DatabaseUsageRecorder().settle(call.entry, outcome)
        call.is_live = False

    @rule(call=running, is_swept=st.booleans(), is_late=st.booleans())
    def kill(self, call: Running, is_swept: bool, is_late: bool) -> None:
        """Its process seems to be gone, and its deadline passes. Perhaps it is swept, and settles after all."""
        call.is_live = False
        UsageRecord.objects.filter(pk=call.entry.pk).update(deadline=timezone.now() - timedelta(seconds=5))
        if is_swept:
            self.sweep()
        if is_late:
            self.settle(call, 7, 9)

    @rule()
    def sweep(self) -> None:
        sweep()

    @rule(limit=st.integers(0, 3000))
    def change_limit(self, limit: int) -> None:
        api.set_budget(api.account("acme"), "tokens", "total", limit)

    @invariant()
    def counters_agree_with_the_ledger(self) -> None:
        spent: Sums[int] = Sums()
        reserved: Sums[int] = Sums()
        for record in UsageRecord.objects.all():
            held = json.loads(load_states(record.hook_state)[NAME])
            for counter, (unit, amount, _) in held.items():
                if record.state == "open":
                    reserved[int(counter)] += amount
                elif record.state == "completed":
                    used = sum(getattr(record, field) for field in FIELDS.get(unit, ()))
                    spent[int(counter)] += 1 if unit == "calls" else used
        for counter in Counter.objects.all():
            assert (counter.spent, counter.reserved) == (spent[counter.pk], reserved[counter.pk]), counter.budget


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
def test_counters_always_agree_with_the_ledger() -> None:
    run_state_machine_as_test(Calls, settings=settings(max_examples=40, stateful_step_count=30, deadline=None))
