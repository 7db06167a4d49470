"""Amounts of a budget as people read and write them: costs in units of the currency, all others as whole numbers."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from threadless.budgets.models import Unit
from threadless.conf import conf
from threadless.money import NANO, from_nano


def parse_amount(unit: str, text: str) -> int:
    """The amount that a budget of this unit stores; raises `ValueError` if the text is no such amount.

    Numbers of tokens and calls have no point: `50.000` means fifty to some readers, and fifty thousand to others.
    """
    if unit != Unit.COST:
        return int(text)
    try:
        amount = Decimal(text) * NANO
        if amount != int(amount):
            raise ValueError(text)
    except (InvalidOperation, OverflowError) as error:  # text, or infinity
        raise ValueError(text) from error
    return int(amount)


def amount_text(unit: str, amount: int) -> str:
    """The amount for people: `12.5 USD`, `1000`."""
    return f"{from_nano(amount):f} {conf.currency}" if unit == Unit.COST else str(amount)
