"""Costs in answers and on pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from django.utils.formats import number_format

from threadless.money import from_nano
from threadless.reports.sums import Sums

_SMALLEST: Final = Decimal("0.0001")


def amount(cost: Decimal | None) -> str:
    """A cost for people, with four decimals; a dash if it is unknown."""
    if cost is None:
        return "–"
    if 0 < cost < _SMALLEST:
        return f"< {number_format(_SMALLEST)}"
    return number_format(cost.quantize(_SMALLEST), 4, force_grouping=True)


def cost_of(sums: Sums) -> Decimal | None:
    """The known cost of these calls; None if there are calls, and none of them has a known cost."""
    if sums.calls and sums.calls == sums.cost_unknown:
        return None
    return from_nano(sums.cost_nano)
