"""The health part of the report: open and overdue calls, and how old the sums are."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from django.db.models import Max
from django.utils import timezone

from threadless.reports.models import Rollup
from threadless.usage.models import UsageRecord

MOST: Final = 10_000
"""More open calls are not counted."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that have not ended, and the state of the sums."""

    open: int
    overdue: int
    """Open past their deadline: the process that owned them has probably died, and no sweep ran since."""
    now: datetime
    summed_at: datetime | None
    """When sums of a day were last computed; None before the first time."""


def health(using: str) -> Health:
    """Calls are read from the index by state and deadline."""
    calls = UsageRecord.objects.using(using).filter(state=UsageRecord.State.OPEN).order_by()
    now = timezone.now()
    overdue = calls.filter(deadline__lt=now)
    summed_at = Rollup.objects.using(using).aggregate(latest=Max("made_at"))["latest"]
    return Health(open=calls[:MOST].count(), overdue=overdue[:MOST].count(), now=now, summed_at=summed_at)
