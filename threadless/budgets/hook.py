"""`BudgetHook`: keeps the counters true in the transactions that write usage records."""

from __future__ import annotations

from collections import Counter as Sums
from collections.abc import Mapping

from threadless.budgets import counters, notices
from threadless.budgets.needs import used
from threadless.budgets.plan import NAME, Plan, decode_held
from threadless.usage.base import Entry, Opening, Outcome
from threadless.usage.hooks import LedgerHook
from threadless.usage.joint_sql import Update

__all__ = ["NAME", "BudgetHook"]


class BudgetHook(LedgerHook):
    """Reserves when a call opens, books what it used when it ends, and gives back what a dead call held."""

    name = NAME
    only_reserved = True

    def opening_update(self, using: str, opening: Opening) -> tuple[Update, str] | None:
        plan: Plan | None = opening.reservations.get(NAME)
        return None if plan is None else plan.reservation()

    def settling_update(self, using: str, state: str, outcome: Outcome) -> Update | None:
        held = decode_held(state)
        if any(only_notifies for _, _, only_notifies in held.values()):
            return None
        bookings = {counter: (used(unit, outcome), amount) for counter, (unit, amount, _) in held.items()}
        return counters.settling(using, bookings) if bookings else None

    def opening(self, using: str, opening: Opening) -> str | None:
        plan: Plan | None = opening.reservations.get(NAME)
        if plan is None:
            return None
        return plan.reserve()

    def settling(self, using: str, entry: Entry, state: str | None, outcome: Outcome, *, was_interrupted: bool) -> None:
        if state is None:
            return
        for counter, (unit, amount, only_notifies) in sorted(decode_held(state).items()):
            spent = used(unit, outcome)
            counters.settle(using, counter, spent=spent, held=0 if was_interrupted else amount)
            if only_notifies and spent:
                notices.notify_after_commit(using, counter, spent)

    def interrupting(self, using: str, states: Mapping[Entry, str | None]) -> None:
        sums: Sums[int] = Sums()
        for state in states.values():
            for counter, (_, amount, _) in decode_held(state or "{}").items():
                sums[counter] += amount
        for counter, amount in sorted(sums.items()):
            counters.settle(using, counter, spent=0, held=amount)
