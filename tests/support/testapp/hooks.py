"""Ledger hooks: one keeps budgets, the other fails when a test says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.db.models import F

from tests.support.testapp.models import Budget
from threadless.exceptions import InsufficientQuota
from threadless.usage.base import Entry, Opening, Outcome
from threadless.usage.hooks import LedgerHook


class BudgetHook(LedgerHook):
    """Reserves a call when it opens and books it when it settles."""

    name = "budget"

    def opening(self, using: str, opening: Opening) -> str:
        account = opening.caller.account
        has_room = Budget.objects.using(using).filter(account=account, calls__gt=F("reserved") + F("spent"))
        if not has_room.update(reserved=F("reserved") + 1):
            raise InsufficientQuota("The budget is used up.")
        return account

    def settling(self, using: str, entry: Entry, state: str | None, outcome: Outcome, *, was_interrupted: bool) -> None:
        held = 0 if was_interrupted else 1
        budgets = Budget.objects.using(using).filter(account=state)
        budgets.update(spent=F("spent") + 1, reserved=F("reserved") - held)

    def interrupting(self, using: str, states: Mapping[Entry, str | None]) -> None:
        for state in states.values():
            Budget.objects.using(using).filter(account=state).update(reserved=F("reserved") - 1)


class FaultyHook(LedgerHook):
    """Runs after the other one and raises what a test has put here, once each."""

    name = "faulty"
    errors: ClassVar[dict[str, list[Exception]]] = {}
    """By method."""

    def opening(self, using: str, opening: Opening) -> str:
        self.fail("opening")
        return "faulty's own state"

    def opened(self, using: str, entry: Entry, state: str | None) -> None:
        self.fail("opened")

    def settling(self, using: str, entry: Entry, state: str | None, outcome: Outcome, *, was_interrupted: bool) -> None:
        assert state == "faulty's own state"
        self.fail("settling")

    def fail(self, method: str) -> None:
        if errors := self.errors.get(method):
            raise errors.pop()
