"""Amounts of money as whole numbers of nano units: billionths of the setting `CURRENCY`."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, Final

NANO: Final = 1_000_000_000
"""Nano units of one unit of the currency."""
MAX_COST_NANO: Final = 1_000_000 * NANO
"""A call that costs more is a mistake. Far below what a column holds, so that sums cannot overflow."""


def to_nano(amount: Any) -> int | None:
    """An amount in units of the currency, rounded half to even. None for anything but a number from 0 to the maximum.

    A float, as JSON has it, means the decimal number that it is written as.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | float | str | Decimal):
        return None
    try:
        exact = Decimal(str(amount))
        if not 0 <= exact <= MAX_COST_NANO // NANO:
            return None
    except (InvalidOperation, ValueError):  # a NaN cannot be compared, and Python converts no integer of 4300 digits
        return None
    return int((exact * NANO).to_integral_value(ROUND_HALF_EVEN))


def from_nano(nano: int) -> Decimal:
    """The amount in units of the currency, exactly and without zeros at the end."""
    return Decimal(f"{Decimal(nano).scaleb(-9).normalize():f}")
