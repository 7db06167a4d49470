"""`BudgetGate`: finds the budgets of a call, and extends the reservation of a stream."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from threadless.budgets import refusals
from threadless.budgets.api import ledger_alias
from threadless.budgets.conf import conf
from threadless.budgets.hook import NAME
from threadless.budgets.known import chains_of
from threadless.budgets.needs import Need
from threadless.budgets.plan import Plan
from threadless.budgets.steps import extend
from threadless.calls.gates import Gate
from threadless.db.connections import release_connections
from threadless.usage.base import Outcome

if TYPE_CHECKING:
    from threadless.calls.call import Call

logger = logging.getLogger("threadless")


class BudgetGate(Gate):
    """The hook reserves and refuses, in the transaction that opens the row."""

    def admit(self, call: Call) -> int | None:
        using = ledger_alias()
        chains = chains_of(using, call.caller)
        if not chains:
            return None
        plan = call.reservations[NAME] = Plan(using, chains, Need.of(call), timezone.now())
        return 0 if plan.grows else None  # the hook may reserve a smaller first step

    def progress(self, call: Call) -> int | None:
        plan: Plan = call.reservations[NAME]
        produced = call.account.tokens()
        if produced < plan.output:
            return plan.output
        try:
            extend(plan, call.entry, produced, NAME)
        except (DatabaseError, InterfaceError) as error:  # the call continues, and the next step reserves for both
            text = "The reservation of call %s could not be extended: %s."
            logger.info(text, call.request_id, type(error).__name__)  # no warning, because no call fails
            return produced + (conf.budget_step_tokens or 1)
        finally:
            release_connections(keep_files=True)
        return plan.output

    def leave(self, call: Call, outcome: Outcome | None) -> None:
        plan: Plan | None = call.reservations.get(NAME)
        if plan is not None and plan.refused_by is not None:
            refusals.count(plan.using, plan.refused_by)
