"""`budget_reached`: the signal of budgets that only notify."""

from __future__ import annotations

from functools import partial
from typing import Final

from django.db import transaction
from django.dispatch import Signal

from threadless.budgets.models import Counter

PERCENTS: Final = (50, 80, 100)

budget_reached: Final = Signal()
"""Half, four fifths or all of a budget that only notifies is spent. Sent once each per period, after the settlement of
the call that reached it. Arguments: `budget`, a `Budget`, `percent`, and `counter`, a `Counter`. Django logs a receiver
that fails."""


def notify_after_commit(using: str, counter_id: int, spent: int) -> None:
    """Send the signal if the amount that was just booked reached a percentage. Called within the transaction."""
    counter = Counter.objects.using(using).filter(pk=counter_id).first()
    if counter is None:
        return
    before = counter.spent - spent
    for percent in PERCENTS:
        if before * 100 < counter.limit * percent <= counter.spent * 100:
            transaction.on_commit(partial(_send, counter, percent), using=using, robust=True)


def _send(counter: Counter, percent: int) -> None:
    budget_reached.send_robust(sender=None, budget=counter.budget, percent=percent, counter=counter)
