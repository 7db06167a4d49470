"""Budgets of a release, and what is spent of them, survive the migrations that came after it."""

from __future__ import annotations

import pytest

from tests.support.releases import go_back, insert, upgrade
from threadless.budgets.models import Budget

pytestmark = pytest.mark.django_db(transaction=True)


def test_budget_of_the_first_release_keeps_what_is_spent() -> None:
    go_back("threadless_budgets", "0001")
    budget = {"id": 3, "subject_kind": "account", "subject_id": "acme", "unit": "cost", "period": "total"}
    insert("threadless_budgets_budget", {**budget, "limit": 5_000, "action": "refuse"})
    counter = {"id": 4, "budget_id": 3, "starts_at": "2026-11-01 00:00:00", "limit": 5_000}
    insert("threadless_budgets_counter", {**counter, "spent": 1_200, "reserved": 0, "refused": 2})
    upgrade("threadless_budgets")
    kept = Budget.objects.get()
    assert (kept.subject_id, kept.unit, kept.limit, kept.action) == ("acme", "cost", 5_000, "refuse")
    [counted] = kept.counters.all()
    assert (counted.spent, counted.reserved, counted.refused) == (1_200, 0, 2)
