"""Numbers as the report shows them."""

from __future__ import annotations

from django.utils.formats import number_format

from threadless.conf import conf
from threadless.money import NANO


def count_text(number: int) -> str:
    """A number with separators, such as 12,345."""
    return number_format(number, use_l10n=True, force_grouping=True)


def cost_text(nano: int) -> str:
    """An amount with the currency: two decimal places, or up to four for less than one unit."""
    amount = nano / NANO
    if nano and amount < 0.0001:
        return f"< {number_format('0.0001')} {conf.currency}"
    return (
        f"{number_format(amount, decimal_pos=2 if not nano or amount >= 1 else 4, force_grouping=True)} {conf.currency}"
    )


def seconds_text(milliseconds: int | None) -> str:
    """A duration in seconds."""
    return "–" if milliseconds is None else f"{number_format(milliseconds / 1000, decimal_pos=2)} s"


def share_text(part: int, whole: int) -> str:
    """A part in percent."""
    return f"{number_format(100 * part / whole, decimal_pos=1)} %" if whole else "–"


def change_text(now: float | None, before: float | None) -> str:
    """The change against the range before, in percent; empty if there is nothing to compare with."""
    if not before or now is None:
        return ""
    change = round(100 * (now - before) / before)
    return f"{'+' if change > 0 else '−' if change < 0 else '±'}{number_format(abs(change), force_grouping=True)} %"
