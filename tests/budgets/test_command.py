"""`manage.py threadless_budget` sets, raises, lists and deletes budgets."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from threadless.budgets import api
from threadless.budgets.models import Budget, BudgetChange

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> list[list[str]]:
    """The cells of the lines that the command prints."""
    output = StringIO()
    call_command("threadless_budget", *arguments, stdout=output)
    return [line.split("\t") for line in output.getvalue().splitlines()]


def test_set_creates_a_budget_and_shows_it() -> None:
    header, row = run("set", "--account", "acme", "--unit", "cost", "--period", "month", "--limit", "12.50")
    shown = dict(zip(header, row, strict=True))
    assert (shown["subject"], shown["limit"], shown["spent"], shown["action"]) == (
        "account acme",
        "12.5 USD",
        "0 USD",
        "refuse",
    )
    assert Budget.objects.get().limit == 12_500_000_000


@pytest.mark.parametrize("subject", [("--key", "7"), ("--user", "alice"), ("--account", "acme"), ("--platform",)])
def test_every_subject_can_have_a_budget(subject: tuple[str, ...], user: Any) -> None:
    run("set", *subject, "--unit", "tokens", "--period", "day", "--limit", "5", "--action", "notify")
    budget = Budget.objects.get()
    expected = {"--key": "7", "--user": str(user.pk), "--account": "acme", "--platform": ""}[subject[0]]
    assert (budget.subject_kind, budget.subject_id, budget.action) == (subject[0][2:], expected, "notify")


def test_set_changes_the_limit_and_keeps_the_action() -> None:
    run("set", "--platform", "--unit", "calls", "--period", "day", "--limit", "5", "--action", "notify")
    run("set", "--platform", "--unit", "calls", "--period", "day", "--limit", "9")
    assert Budget.objects.values_list("limit", "action").get() == (9, "notify")


def test_add_raises_the_limit_and_the_change_is_recorded() -> None:
    api.set_budget(api.account("acme"), "cost", "total", 5_000_000_000)
    run("add", "--account", "acme", "--unit", "cost", "--period", "total", "--limit", "0.000000001")
    assert BudgetChange.objects.values_list("before", "after").latest("id") == (5_000_000_000, 5_000_000_001)


def test_next_names_the_budget_that_is_charged_next_and_none_removes_it() -> None:
    run("set", "--platform", "--unit", "cost", "--period", "total", "--limit", "100")
    run("set", "--platform", "--unit", "cost", "--period", "month", "--limit", "1", "--next", "total")
    assert Budget.objects.get(period="month").next == Budget.objects.get(period="total")
    run("set", "--platform", "--unit", "cost", "--period", "month", "--limit", "2")
    assert Budget.objects.get(period="month").next is not None
    run("set", "--platform", "--unit", "cost", "--period", "month", "--limit", "2", "--next", "none")
    assert Budget.objects.get(period="month").next is None


def test_list_shows_all_budgets_or_those_of_one_subject() -> None:
    api.set_budget(api.PLATFORM, "tokens", "total", 5)
    api.set_budget(api.key(7), "tokens", "total", 5)
    assert len(run("list")) == 3
    [_, row] = run("list", "--key", "7")
    assert (row[0], row[-1]) == ("key 7", "never")


def test_delete_removes_the_budget() -> None:
    api.set_budget(api.PLATFORM, "tokens", "day", 5)
    assert len(run("delete", "--platform", "--unit", "tokens", "--period", "day")) == 1
    assert not Budget.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["set"], "Missing: --key, --user, --account or --platform, --unit, --period, --limit."),
        (["add", "--platform", "--unit", "cost", "--period", "day", "--limit", "1"], "There is no budget platform"),
        (["delete", "--platform", "--unit", "cost", "--period", "day"], "There is no budget platform"),
        (["set", "--user", "nobody", "--unit", "cost", "--period", "day", "--limit", "1"], "'nobody' does not exist"),
        *(
            (["set", "--platform", "--unit", unit, "--period", "total", "--limit", limit], "Invalid limit")
            for unit, limit in [("tokens", "1.5"), ("tokens", "x"), ("cost", "inf"), ("cost", "0.0000000001")]
        ),
        (["set", "--platform", "--unit", "tokens", "--period", "day", "--limit=-1"], "greater than or equal to 0"),
        (["set", "--platform", "--unit", "concurrent", "--period", "day", "--limit", "1"], "Choose total"),
        (["set", "--key", "1", "--platform"], "not allowed with"),
    ],
)
def test_mistake_is_explained(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)
    assert not Budget.objects.exists()
