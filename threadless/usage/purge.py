"""Deletes old usage records in small batches. Sums, budgets and rows of open calls stay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from django.db import router
from django.db.models import QuerySet

from threadless.conf import conf
from threadless.usage.days import start_of_day, today
from threadless.usage.hooks import ledger_hooks
from threadless.usage.models import UsageRecord

BATCH: Final = 1_000
"""Records per transaction, so that calls hardly wait for locks."""
_BATCHES_PER_SWEEP: Final = 20


def purge(days: int, using: str | None = None) -> Iterator[int]:
    """Delete the records of calls that were opened more than `days` days ago, whole days only.

    Yields the number of deleted records after each batch. Records of open calls stay.
    """
    using = using or router.db_for_write(UsageRecord)
    before = today() - timedelta(days=days)
    ids = _next_batch(before, using)
    if ids:
        for hook in ledger_hooks():
            hook.purging(using, before)
    while ids:
        deleted, _ = _deletable(using).filter(pk__in=ids).delete()
        yield deleted
        ids = _next_batch(before, using)


def purge_sometimes(using: str) -> None:
    """Delete some of the records that are older than `KEEP_RECORDS_DAYS`."""
    if conf.keep_records_days is not None:
        for number, _deleted in enumerate(purge(conf.keep_records_days, using), 1):
            if number == _BATCHES_PER_SWEEP:
                break


def _next_batch(before: date, using: str) -> list[int]:
    old = _deletable(using).filter(opened_at__lt=start_of_day(before))
    return list(old.order_by("opened_at", "id").values_list("pk", flat=True)[:BATCH])


def _deletable(using: str) -> QuerySet[UsageRecord]:
    return UsageRecord.objects.using(using).exclude(state=UsageRecord.State.OPEN)
