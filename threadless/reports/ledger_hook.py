"""`RollupHook` keeps the sums of days up to date. It costs an ordinary call nothing."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from threadless.reports.erasure import erase_user
from threadless.reports.rollup import freeze_before, mark_changed, roll_up_due
from threadless.usage.base import Entry, Outcome
from threadless.usage.days import day_of
from threadless.usage.hooks import LedgerHook
from threadless.usage.models import UsageRecord


class RollupHook(LedgerHook):
    """A day with open calls is aggregated again anyway. So only the settlement of an interrupted call matters."""

    name = "reports"
    only_late = True

    def settling(self, using: str, entry: Entry, state: str | None, outcome: Outcome, *, was_interrupted: bool) -> None:
        opened_at: datetime = UsageRecord.objects.using(using).values_list("opened_at", flat=True).get(pk=entry.pk)
        mark_changed(day_of(opened_at), using)

    def sweeping(self, using: str) -> None:
        roll_up_due(using)

    def purging(self, using: str, before: date) -> None:
        freeze_before(before, using)

    def erasing(self, using: str, user_id: Any) -> None:
        erase_user(user_id, using)
