"""A platform's code sets, raises, deletes and lists budgets, and each change is recorded."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from threadless.budgets import api
from threadless.budgets.models import MAX_LIMIT, Budget, BudgetChange, Counter
from threadless.budgets.periods import start_of
from threadless.types import Caller

pytestmark = pytest.mark.django_db(transaction=True)

ACME = api.account("acme")


def counter_of(budget: Budget, **sums: int) -> Counter:
    """The counter of the current period with these sums."""
    starts_at = start_of(budget.period, timezone.now())
    return Counter.objects.create(budget=budget, starts_at=starts_at, limit=budget.limit, **sums)


def changes() -> list[tuple[int | None, int | None]]:
    return list(BudgetChange.objects.order_by("id").values_list("before", "after"))


def test_new_budget_has_its_whole_limit() -> None:
    api.set_budget(ACME, "tokens", "month", 1000)
    [state] = api.list_budgets()
    assert (state.subject, state.unit, state.limit, state.remaining) == (ACME, "tokens", 1000, 1000)
    assert state.resets_at is not None
    assert state.resets_at > timezone.now()


def test_changed_limit_applies_to_the_current_period_and_keeps_what_is_spent() -> None:
    counter = counter_of(api.set_budget(ACME, "tokens", "month", 1000), spent=400, reserved=100)
    api.set_budget(ACME, "tokens", "month", 600)
    counter.refresh_from_db()
    assert (counter.limit, counter.spent, counter.reserved) == (600, 400, 100)
    [state] = api.list_budgets()
    assert state.remaining == 100


def test_changed_limit_leaves_earlier_periods_unchanged() -> None:
    budget = api.set_budget(ACME, "tokens", "day", 1000)
    yesterday = Counter.objects.create(
        budget=budget, starts_at=start_of("day", timezone.now()) - timedelta(days=1), limit=1000
    )
    api.set_budget(ACME, "tokens", "day", 600)
    yesterday.refresh_from_db()
    assert yesterday.limit == 1000


def test_limit_below_what_is_spent_leaves_nothing() -> None:
    counter_of(api.set_budget(ACME, "tokens", "total", 1000), spent=400)
    api.set_budget(ACME, "tokens", "total", 10)
    assert api.list_budgets()[0].remaining == 0


def test_balance_is_topped_up_and_each_change_says_who_and_how_much(user: Any) -> None:
    api.set_budget(ACME, "cost", "total", 5, by=user)
    api.add_to_budget(ACME, "cost", "total", 20, by=user)
    api.add_to_budget(ACME, "cost", "total", -1)
    api.delete_budget(ACME, "cost", "total", by=user)
    assert changes() == [(None, 5), (5, 25), (25, 24), (24, None)]
    assert list(BudgetChange.objects.order_by("id").values_list("user_id", flat=True)) == [
        user.pk,
        user.pk,
        None,
        user.pk,
    ]
    assert set(BudgetChange.objects.values_list("title", flat=True)) == {"account acme: cost"}


def test_setting_the_same_limit_again_is_no_change() -> None:
    api.set_budget(ACME, "tokens", "month", 1000)
    api.set_budget(ACME, "tokens", "month", 1000)
    assert changes() == [(None, 1000)]


@pytest.mark.parametrize("change", [api.delete_budget, partial(api.add_to_budget, amount=5)], ids=["delete", "add"])
def test_budget_that_does_not_exist_cannot_be_changed(change: Any) -> None:
    with pytest.raises(Budget.DoesNotExist, match="account acme: tokens per day"):
        change(ACME, "tokens", "day")
    assert changes() == []


@pytest.mark.parametrize(
    ("subject", "unit", "period", "limit", "fields"),
    [
        (api.Subject("team", "acme"), "tokens", "day", 5, {"subject_kind"}),
        (api.account(""), "tokens", "day", 5, {"subject_id"}),
        (api.Subject("platform", "all"), "tokens", "day", 5, {"subject_id"}),
        (ACME, "euros", "day", 5, {"unit"}),
        (ACME, "tokens", "year", 5, {"period"}),
        (ACME, "concurrent", "day", 5, {"period"}),
        (ACME, "tokens", "day", -1, {"limit"}),
        (ACME, "tokens", "day", MAX_LIMIT + 1, {"limit"}),
    ],
)
def test_invalid_budget_is_refused(subject: Any, unit: str, period: str, limit: int, fields: set[str]) -> None:
    with pytest.raises(ValidationError) as refused:
        api.set_budget(subject, unit, period, limit)
    assert fields <= refused.value.error_dict.keys()
    assert not Budget.objects.exists()


def test_next_budget_must_have_the_same_subject_and_unit_and_no_circle() -> None:
    credit = api.set_budget(ACME, "cost", "total", 100)
    monthly = api.set_budget(ACME, "cost", "month", 10, next=credit)
    assert monthly.next_id == credit.pk
    with pytest.raises(ValidationError, match="cannot follow itself"):
        api.set_budget(ACME, "cost", "total", 100, next=monthly)
    with pytest.raises(ValidationError, match="same subject and unit"):
        api.set_budget(api.PLATFORM, "cost", "month", 100, next=credit)


def test_next_budget_stays_until_it_is_removed() -> None:
    credit = api.set_budget(ACME, "cost", "total", 100)
    api.set_budget(ACME, "cost", "month", 10, next=credit)
    assert api.set_budget(ACME, "cost", "month", 20).next_id == credit.pk
    assert api.set_budget(ACME, "cost", "month", 20, next=None).next_id is None


def test_budgets_of_a_caller_are_those_of_its_key_user_account_and_the_platform() -> None:
    caller = Caller(user_id=3, key_id="7", account="acme")
    for subject in (api.PLATFORM, api.key(7), api.user(3), ACME, api.key(8), api.user(7), api.account("other")):
        api.set_budget(subject, "calls", "day", 5)
    found = {state.subject for state in api.budgets_of(api.subjects_of(caller))}
    assert found == {api.PLATFORM, api.key(7), api.user(3), ACME}


def test_states_take_two_queries(django_assert_num_queries: Any) -> None:
    for period in ("day", "week", "month"):
        api.set_budget(ACME, "tokens", period, 5)
    with django_assert_num_queries(2):
        assert len(api.budgets_of([ACME, api.PLATFORM])) == 3
