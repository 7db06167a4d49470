"""A router that keeps budgets and usage records apart is reported by the system checks."""

from __future__ import annotations

from typing import Any

from django.core.checks import run_checks


class BudgetsElsewhere:
    """A router of a host that sends each app to its own database."""

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "money" if model._meta.app_label == "threadless_budgets" else None


def test_budgets_in_another_database_than_the_ledger_are_e022(settings: Any) -> None:
    settings.DATABASE_ROUTERS = [BudgetsElsewhere()]
    messages = [str(each).splitlines()[0] for each in run_checks(tags=["threadless"]) if each.id == "threadless.E022"]
    text = "The router sends threadless_budgets.Budget to 'money', but usage records to 'default'."
    assert f"?: (threadless.E022) {text}" in messages


def test_budgets_beside_the_ledger_are_right(settings: Any) -> None:
    settings.DATABASE_ROUTERS = []
    assert "threadless.E022" not in [message.id for message in run_checks(tags=["threadless"])]
