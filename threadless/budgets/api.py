"""Budgets for the code of a platform: set, raise, delete and list them, and learn what is left.

Amounts are whole numbers: tokens, calls, or billionths of the currency (`threadless.money.to_nano`). Every change is
recorded as a `BudgetChange`. Other server processes see a new budget after at most five seconds, a changed limit at
once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from types import EllipsisType
from typing import Any

import msgspec
from django.db import router, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone, translation

from threadless.budgets import known
from threadless.budgets.models import Action, Budget, BudgetChange, Counter
from threadless.budgets.needs import Need
from threadless.budgets.periods import end_of, start_of
from threadless.budgets.plan import NAME, Plan
from threadless.budgets.subjects import PLATFORM, Subject, account, key, subjects_of, user
from threadless.types import Caller, ChatRequest, Target
from threadless.usage.models import UsageRecord

__all__ = [
    "PLATFORM",
    "BudgetState",
    "Subject",
    "account",
    "add_to_budget",
    "budgets_of",
    "charge",
    "delete_budget",
    "find_budget",
    "key",
    "list_budgets",
    "set_budget",
    "subjects_of",
    "user",
]


class BudgetState(msgspec.Struct, frozen=True, kw_only=True):
    """A budget and its use in the current period."""

    id: int
    subject: Subject
    unit: str
    period: str
    action: str
    limit: int
    spent: int
    """By calls that have ended."""
    reserved: int
    """For running calls."""
    refused: int
    """Calls that were refused."""
    starts_at: datetime | None
    """Start of the period; None for a total."""
    resets_at: datetime | None
    """End of the period, in the billing time zone; None for a total."""
    next_id: int | None = None
    """The budget that is charged when this one has no room."""

    @property
    def remaining(self) -> int:
        """What further calls may use; 0 if the limit is exceeded."""
        return max(self.limit - self.spent - self.reserved, 0)


def ledger_alias() -> str:
    """The database of the ledger, which also holds the budgets."""
    return router.db_for_write(UsageRecord)


def set_budget(
    subject: Subject,
    unit: str,
    period: str,
    limit: int,
    *,
    action: str | None = None,
    next: Budget | EllipsisType | None = ...,
    by: Any = None,
) -> Budget:
    """Create a budget, or change its limit, action and next budget. What is spent stays.

    Without `action` and `next`, these stay as they are; `next=None` removes the next budget. `by` is the user who makes
    the change. Raises `ValidationError`.
    """
    using = ledger_alias()
    with transaction.atomic(using=using):
        budget = _locked(using, subject, unit, period)
        before = None if budget.pk is None else budget.limit
        budget.limit = limit
        budget.action = action or budget.action or Action.REFUSE
        if not isinstance(next, EllipsisType):
            budget.next = next
        save_budget(budget, before, by)
    return budget


def add_to_budget(subject: Subject, unit: str, period: str, amount: int, *, by: Any = None) -> Budget:
    """Raise the limit of a budget, or lower it if the amount is negative. Raises `Budget.DoesNotExist`."""
    using = ledger_alias()
    with transaction.atomic(using=using):
        budget = _locked(using, subject, unit, period)
        if budget.pk is None:
            raise Budget.DoesNotExist(f"There is no budget {budget}.")
        before, budget.limit = budget.limit, budget.limit + amount
        save_budget(budget, before, by)
    return budget


def delete_budget(subject: Subject, unit: str, period: str, *, by: Any = None) -> None:
    """Delete a budget with its counters; its changes stay. Raises `Budget.DoesNotExist`."""
    using = ledger_alias()
    with transaction.atomic(using=using):
        budget = _locked(using, subject, unit, period)
        if budget.pk is None:
            raise Budget.DoesNotExist(f"There is no budget {budget}.")
        forget_budget(budget, by)


def find_budget(subject: Subject, unit: str, period: str) -> Budget:
    """The budget of a subject; raises `Budget.DoesNotExist`."""
    fields = {"subject_kind": subject.kind, "subject_id": subject.id, "unit": unit, "period": period}
    found: Budget | None = Budget.objects.using(ledger_alias()).filter(**fields).first()
    if found is None:
        raise Budget.DoesNotExist(f"There is no budget {Budget(**fields)}.")
    return found


def save_budget(budget: Budget, before: int | None, by: Any = None) -> None:
    """Validate and save a budget whose limit was `before`, and record the change. Call it within a transaction."""
    using = ledger_alias()
    budget.full_clean()
    budget.save(using=using)
    current = Counter.objects.using(using).filter(budget=budget, starts_at__gte=start_of(budget.period, timezone.now()))
    current.update(limit=budget.limit)
    if before != budget.limit:
        _record(using, budget, before, budget.limit, by)
    transaction.on_commit(known.forget, using=using)


def locked_limit(budget: Budget) -> int:
    """The limit that is stored. Locks the budget; call it within a transaction."""
    chosen = Budget.objects.using(ledger_alias()).filter(pk=budget.pk)
    chosen.update(unit=budget.unit)
    limit: int = chosen.values_list("limit", flat=True).get()
    return limit


def forget_budget(budget: Budget, by: Any = None) -> None:
    """Delete a budget and record that. Call it within a transaction."""
    using = ledger_alias()
    _record(using, budget, budget.limit, None, by)
    budget.delete(using=using)
    transaction.on_commit(known.forget, using=using)


def list_budgets(subject: Subject | None = None) -> list[BudgetState]:
    """All budgets, or those of one subject, with their use."""
    budgets = Budget.objects.using(ledger_alias())
    if subject is not None:
        budgets = budgets.filter(subject_kind=subject.kind, subject_id=subject.id)
    return _states(budgets)


def budgets_of(subjects: Iterable[Subject]) -> list[BudgetState]:
    """The budgets that cover calls of any of these subjects, with their use: `budgets_of(subjects_of(caller))`."""
    chosen = Q(pk__in=())
    for subject in subjects:
        chosen |= Q(subject_kind=subject.kind, subject_id=subject.id)
    return _states(Budget.objects.using(ledger_alias()).filter(chosen))


def charge(request: ChatRequest, target: Target, caller: Caller, *, output_tokens: int | None = None) -> dict[str, Any]:
    """Charge a chat of the platform to the budgets of its caller: `meter(…, reservations=charge(request, …))`.

    It reserves the prompt and `output_tokens`; without them the target's limit or `BUDGET_OUTPUT_TOKENS`. A stream does
    not reserve more while it runs. `meter` raises the `InsufficientQuota` or `RateLimited` of a budget without room;
    this function raises `InsufficientQuota` if a cost budget meets a target without a price.
    """
    using = ledger_alias()
    chains = known.chains_of(using, caller)
    need = Need.of_request(request, target, output_tokens)
    return {NAME: Plan(using, chains, need, timezone.now())} if chains else {}


def state_of(budget: Budget) -> BudgetState:
    """The use of one budget."""
    starts_at = start_of(budget.period, timezone.now())
    counter = Counter.objects.using(ledger_alias()).filter(budget=budget, starts_at=starts_at).first()
    return _state(budget, starts_at, counter)


def _states(budgets: QuerySet[Budget]) -> list[BudgetState]:
    """The states of these budgets, read with two queries."""
    now, listed = timezone.now(), list(budgets)
    starts = {period: start_of(period, now) for period in {budget.period for budget in listed}}
    counters = {
        (counter.budget_id, counter.starts_at): counter
        for counter in Counter.objects.using(budgets.db).filter(budget__in=listed, starts_at__in=set(starts.values()))
    }
    return [
        _state(budget, starts[budget.period], counters.get((budget.pk, starts[budget.period]))) for budget in listed
    ]


def _state(budget: Budget, starts_at: datetime, counter: Counter | None) -> BudgetState:
    ends_at = end_of(budget.period, starts_at)
    return BudgetState(
        id=budget.pk,
        subject=Subject(budget.subject_kind, budget.subject_id),
        unit=budget.unit,
        period=budget.period,
        action=budget.action,
        limit=budget.limit,
        spent=counter.spent if counter else 0,
        reserved=counter.reserved if counter else 0,
        refused=counter.refused if counter else 0,
        starts_at=starts_at if ends_at else None,
        resets_at=ends_at,
        next_id=budget.next_id,
    )


def _locked(using: str, subject: Subject, unit: str, period: str) -> Budget:
    """The budget, locked until the end of the transaction; a new one without a primary key if it does not exist."""
    fields = {"subject_kind": subject.kind, "subject_id": subject.id, "unit": unit, "period": period}
    chosen = Budget.objects.using(using).filter(**fields)
    chosen.update(unit=unit)  # a write, because on SQLite a transaction that begins with a read may fail to write
    return chosen.first() or Budget(**fields)


def _record(using: str, budget: Budget, before: int | None, after: int | None, by: Any) -> None:
    with translation.override(None):  # the record is the same in every language
        title = str(budget)[: BudgetChange._meta.get_field("title").max_length]
    BudgetChange.objects.using(using).create(budget=budget, title=title, before=before, after=after, user=by)
