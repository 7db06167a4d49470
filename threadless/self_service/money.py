"""Costs in answers."""

from __future__ import annotations

from decimal import Decimal

from threadless.money import from_nano
from threadless.reports.sums import Sums


def cost_of(sums: Sums) -> Decimal | None:
    """The known cost of these calls; None if there are calls, and none of them has a known cost."""
    if sums.calls and sums.calls == sums.cost_unknown:
        return None
    return from_nano(sums.cost_nano)
