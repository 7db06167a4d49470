"""Ledger hooks run in the transactions that write usage records, and what they write stays true."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from tests.support.factories import make_opening, make_record
from tests.support.testapp.hooks import FaultyHook
from tests.support.testapp.models import Budget
from threadless.exceptions import APIError, InsufficientQuota, Overloaded, RateLimited
from threadless.types import Caller
from threadless.usage import retries
from threadless.usage.base import BaseUsageRecorder, Entry, Outcome
from threadless.usage.checks import check_ledger_hooks
from threadless.usage.hooks import LedgerHook, TryAgain, ledger_hooks, replace_state
from threadless.usage.models import UsageRecord
from threadless.usage.recorder import DatabaseUsageRecorder
from threadless.usage.sweep import sweep

HOOKED = "tests.support.testapp.apps.HookedConfig"
COMPLETED = Outcome(state="completed")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _hooks(settings: Any) -> Iterator[None]:
    """Installs the test app with its hooks, and gives an account a budget of two calls."""
    settings.INSTALLED_APPS = [HOOKED if app == "tests.support.testapp" else app for app in settings.INSTALLED_APPS]
    Budget.objects.create(account="acme", calls=2)
    yield
    FaultyHook.errors.clear()


def open_call() -> Entry:
    return DatabaseUsageRecorder().open(make_opening(caller=Caller(user_id=None, account="acme")))


def books() -> tuple[int, int]:
    """Calls reserved and spent."""
    budget = Budget.objects.get()
    return budget.reserved, budget.spent


def state_of(entry: Entry) -> str:
    return UsageRecord.objects.get(pk=entry.pk).state


def make_overdue(entry: Entry) -> None:
    UsageRecord.objects.filter(pk=entry.pk).update(deadline=timezone.now() - timedelta(seconds=5))


def test_opening_keeps_state_of_each_hook_with_record() -> None:
    record = UsageRecord.objects.get(pk=open_call().pk)
    assert record.hook_state == '{"budget":"acme","faulty":"faulty\'s own state"}'
    assert books() == (1, 0)


def test_hook_that_refuses_leaves_no_record() -> None:
    open_call(), open_call()
    with pytest.raises(InsufficientQuota):
        open_call()
    assert UsageRecord.objects.count() == 2
    assert books() == (2, 0)


@pytest.mark.parametrize("errors", [[TryAgain()], [TryAgain(), TryAgain()]], ids=len)
def test_hook_may_try_again(errors: list[Exception]) -> None:
    FaultyHook.errors = {"opening": errors}
    open_call()
    assert UsageRecord.objects.count() == 1
    assert books() == (1, 0)


def test_hook_that_tries_again_forever_is_refused() -> None:
    FaultyHook.errors = {"opening": [TryAgain() for _ in range(100)]}
    with pytest.raises(Overloaded):
        open_call()
    assert UsageRecord.objects.count() == 0


class Deadlock(Exception):
    """What drivers raise: MySQL's number, or PostgreSQL's state."""

    def __init__(self, code: int | str) -> None:
        super().__init__(code)
        self.sqlstate = code


def operational_error(code: int | str) -> OperationalError:
    error = OperationalError("deadlock")
    error.__cause__ = Deadlock(code)
    return error


@pytest.mark.parametrize("code", [1213, "40P01"])
def test_opening_is_tried_once_more_after_a_deadlock(code: int | str) -> None:
    FaultyHook.errors = {"opening": [operational_error(code)]}
    open_call()
    assert books() == (1, 0)
    FaultyHook.errors = {"opening": [operational_error(code), operational_error(code)]}
    with pytest.raises(OperationalError):
        open_call()
    assert books() == (1, 0)


def test_state_of_one_hook_can_be_replaced_while_the_call_runs() -> None:
    entry = open_call()
    with transaction.atomic():
        assert replace_state(entry, "budget", "acme and more")
    record = UsageRecord.objects.get(pk=entry.pk)
    assert record.hook_state == '{"budget":"acme and more","faulty":"faulty\'s own state"}'


@pytest.mark.parametrize("ending", ["settled", "swept"])
def test_state_cannot_be_replaced_after_the_end(ending: str) -> None:
    entry = open_call()
    if ending == "settled":
        DatabaseUsageRecorder().settle(entry, COMPLETED)
    else:
        make_overdue(entry)
        sweep()
    with transaction.atomic():
        assert not replace_state(entry, "budget", "other")
    assert "other" not in (UsageRecord.objects.get(pk=entry.pk).hook_state or "")


@pytest.mark.parametrize("method", ["opening", "opened"])
@pytest.mark.parametrize("error", [RateLimited("Not now."), OperationalError("away")])
def test_hook_that_fails_undoes_what_hook_before_it_wrote(method: str, error: Exception) -> None:
    FaultyHook.errors = {method: [error]}
    with pytest.raises(type(error)):
        open_call()
    assert UsageRecord.objects.count() == 0
    assert books() == (0, 0)


def test_opening_inside_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        open_call()
    assert books() == (0, 0)


def test_settlement_books_once() -> None:
    entry = open_call()
    DatabaseUsageRecorder().settle(entry, COMPLETED)
    DatabaseUsageRecorder().settle(entry, COMPLETED)
    assert (state_of(entry), books()) == ("completed", (0, 1))


@pytest.mark.parametrize("error", [OperationalError("deadlock"), ValueError("a mistake in the hook")])
def test_settlement_that_fails_is_booked_once_by_retry(error: Exception) -> None:
    entry = open_call()
    FaultyHook.errors = {"settling": [error]}
    DatabaseUsageRecorder().settle(entry, COMPLETED)
    assert retries.drain(20)
    assert (state_of(entry), books()) == ("completed", (0, 1))


def test_settlement_that_fails_changes_neither_record_nor_books(caplog: pytest.LogCaptureFixture) -> None:
    entry = open_call()
    FaultyHook.errors = {"settling": [ValueError("a mistake"), ValueError("the same mistake")]}
    DatabaseUsageRecorder().settle(entry, COMPLETED)
    assert retries.drain(20)
    assert (state_of(entry), books()) == ("open", (1, 0))


def test_sweep_gives_back_what_was_reserved() -> None:
    entry, other = open_call(), open_call()
    make_overdue(entry)
    assert sweep() == 1
    assert (state_of(entry), state_of(other), books()) == ("interrupted", "open", (1, 0))


def test_settlement_after_sweep_books_without_giving_back_again() -> None:
    entry = open_call()
    make_overdue(entry)
    sweep()
    DatabaseUsageRecorder().settle(entry, COMPLETED)
    assert (state_of(entry), books()) == ("completed", (0, 1))


def test_sweep_of_settled_record_changes_no_books() -> None:
    entry = open_call()
    make_overdue(entry)
    DatabaseUsageRecorder().settle(entry, COMPLETED)
    assert sweep() == 0
    assert books() == (0, 1)


def test_record_of_time_before_hook_has_no_state() -> None:
    record = make_record(deadline=timezone.now() - timedelta(seconds=5))
    assert sweep() == 1
    record.refresh_from_db()
    assert (record.state, books()) == ("interrupted", (0, 0))


class OwnRecorder(BaseUsageRecorder):
    """Meters somewhere else."""

    def open(self, opening: Any) -> None:
        return None

    def settle(self, entry: Any, outcome: Outcome) -> None:
        return None


def test_check_accepts_recorder_that_runs_hooks() -> None:
    assert check_ledger_hooks() == []


def test_check_refuses_recorder_that_does_not_run_hooks(settings: Any) -> None:
    settings.THREADLESS = {**settings.THREADLESS, "USAGE_RECORDER": OwnRecorder}
    [message] = check_ledger_hooks()
    assert message.id == "threadless.E021"
    assert "budget, faulty" in message.msg


class Nameless(LedgerHook):
    """Has no key for its state."""


@pytest.mark.parametrize(
    ("hooks", "words"),
    [
        (["nowhere.Hook"], "cannot be imported"),
        ([APIError], "is not a LedgerHook"),
        ([Nameless], "is not a LedgerHook with a name"),
        ([FaultyHook, FaultyHook], "same name"),
    ],
)
def test_check_refuses_invalid_hooks(hooks: list[Any], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.apps import apps

    ledger_hooks.cache_clear()
    monkeypatch.setattr(apps.get_app_config("testapp"), "threadless_ledger_hooks", hooks)
    [message] = check_ledger_hooks()
    assert message.id == "threadless.E020"
    assert words in message.msg
