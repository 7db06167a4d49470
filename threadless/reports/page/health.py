"""The health part of the report: open and overdue calls."""

from __future__ import annotations

from typing import Final

import msgspec
from django.utils import timezone

from threadless.usage.models import UsageRecord

MOST: Final = 10_000
"""More open calls are not counted."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that have not ended."""

    open: int
    overdue: int
    """Open past their deadline: the process that owned them has probably died, and no sweep ran since."""


def health(using: str) -> Health:
    """Read from the index by state and deadline."""
    calls = UsageRecord.objects.using(using).filter(state=UsageRecord.State.OPEN)
    overdue = calls.filter(deadline__lt=timezone.now())
    return Health(open=calls[:MOST].count(), overdue=overdue[:MOST].count())
