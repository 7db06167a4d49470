"""Staff edit budgets in the admin, see their use, and every change is recorded."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from threadless.budgets import api
from threadless.budgets.models import Budget, BudgetChange, Counter
from threadless.budgets.periods import start_of

pytestmark = pytest.mark.django_db(transaction=True)

INLINE = {"changes-TOTAL_FORMS": "0", "changes-INITIAL_FORMS": "0"}
NEW = {"subject_kind": "account", "subject_id": "acme", "unit": "cost", "period": "month", "action": "refuse"}


def test_new_budget_takes_a_cost_in_the_currency(admin_client: Client, admin_user: Any) -> None:
    response = admin_client.post(reverse("admin:threadless_budgets_budget_add"), {**NEW, **INLINE, "limit": "12.50"})
    assert response.status_code == 302
    assert Budget.objects.get().limit == 12_500_000_000
    change = BudgetChange.objects.get()
    assert (change.before, change.after, change.user_id) == (None, 12_500_000_000, admin_user.pk)


def test_limit_can_be_changed_and_the_period_cannot(admin_client: Client) -> None:
    budget = api.set_budget(api.account("acme"), "cost", "month", 5)
    path = reverse("admin:threadless_budgets_budget_change", args=[budget.pk])
    data = {**NEW, **INLINE, "period": "day", "limit": "1", "changes-INITIAL_FORMS": "0"}
    assert admin_client.post(path, data).status_code == 302
    budget.refresh_from_db()
    assert (budget.limit, budget.period) == (1_000_000_000, "month")
    assert BudgetChange.objects.values_list("before", "after").latest("id") == (5, 1_000_000_000)


def test_use_is_shown(admin_client: Client) -> None:
    budget = api.set_budget(api.account("acme"), "cost", "total", 10**9)
    starts_at = start_of("total", budget.changes.get().at)
    Counter.objects.create(budget=budget, starts_at=starts_at, limit=10**9, spent=250_000_000)
    for path in (
        reverse("admin:threadless_budgets_budget_changelist"),
        reverse("admin:threadless_budgets_budget_change", args=[budget.pk]),
    ):
        page = admin_client.get(path).content.decode()
        assert "0.25 USD" in page
        assert "0.75 USD" in page


def test_budget_is_named_in_the_language_of_the_reader_and_recorded_in_one(admin_client: Client) -> None:
    with translation.override("de"):
        budget = api.set_budget(api.account("acme"), "cost", "month", 5 * 10**9)
        page = admin_client.get(reverse("admin:threadless_budgets_budget_changelist")).content.decode()
    assert "Konto acme: Kosten pro Monat" in page
    assert "5,00 USD" in page
    assert budget.changes.get().title == "account acme: cost per month"


def test_form_of_a_new_budget_asks_only_for_what_can_be_chosen(admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:threadless_budgets_budget_add")).content.decode()
    assert "field-limit" in page
    assert "field-spent" not in page
    assert "changes-group" not in page


@pytest.mark.parametrize(
    ("language", "unit", "text", "stored"),
    [
        ("en", "cost", "12.50", 12_500_000_000),
        ("de", "cost", "12,50", 12_500_000_000),
        ("de", "cost", "12.50", None),
        ("en", "cost", "12,50", None),
        ("en", "tokens", "50000", 50_000),
        ("en", "tokens", "50.000", None),
        ("de", "tokens", "50.000", None),
        ("en", "tokens", "50,000", None),
    ],
)
def test_limit_is_read_as_the_language_writes_it_and_never_guessed(
    admin_client: Client, language: str, unit: str, text: str, stored: int | None
) -> None:
    path = reverse("admin:threadless_budgets_budget_add")
    with translation.override(language):
        admin_client.post(path, {**NEW, **INLINE, "unit": unit, "limit": text})
        assert Budget.objects.values_list("limit", flat=True).first() == stored
        if stored is not None:
            change = reverse("admin:threadless_budgets_budget_change", args=[Budget.objects.get().pk])
            shown = text.rstrip("0") if unit == "cost" else text
            assert f'name="limit" value="{shown}"' in admin_client.get(change).content.decode()


@pytest.mark.parametrize("limit", ["", "x", "-1", "0.0000000001"])
def test_invalid_limit_is_refused(admin_client: Client, limit: str) -> None:
    response = admin_client.post(reverse("admin:threadless_budgets_budget_add"), {**NEW, **INLINE, "limit": limit})
    assert response.status_code == 200
    assert not Budget.objects.exists()


def test_deletion_is_recorded(admin_client: Client) -> None:
    budget = api.set_budget(api.account("acme"), "cost", "month", 5)
    path = reverse("admin:threadless_budgets_budget_delete", args=[budget.pk])
    assert admin_client.post(path, {"post": "yes"}).status_code == 302
    assert not Budget.objects.exists()
    assert BudgetChange.objects.values_list("before", "after").latest("id") == (5, None)
