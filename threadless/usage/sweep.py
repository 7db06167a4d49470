"""Marks rows whose owner must have died: open past their deadline. Provisional; a late settle still wins."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from django.db.models import Func
from django.db.models.functions import Now
from django.utils import timezone

from threadless.usage.models import UsageRecord

BATCH: Final = 1000
"""Rows of one statement, so that a sweep after a long outage locks little."""
_INTERVAL_SECONDS: Final = 60.0

_next_sweep = time.monotonic() + _INTERVAL_SECONDS
_lock = threading.Lock()


class _DatabaseNow(Now):
    """`Now` in UTC on MySQL and MariaDB too, where Django's follows the server's own time zone."""

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return Func.as_sql(self, compiler, connection, template="UTC_TIMESTAMP(6)", **context)


def sweep(limit: int = BATCH) -> int:
    """Mark up to `limit` overdue rows as interrupted by the database's clock; returns how many. Safe at any time.

    A host with `USE_TZ = False` keeps its own local times, of which databases know nothing: there by the host's clock.
    """
    now = timezone.now()
    overdue = UsageRecord.objects.filter(
        state=UsageRecord.State.OPEN, deadline__lt=now if timezone.is_naive(now) else _DatabaseNow()
    )
    ids = list(overdue.order_by("deadline").values_list("pk", flat=True)[:limit])
    if not ids:
        return 0
    return overdue.filter(pk__in=ids).update(state=UsageRecord.State.INTERRUPTED)


def sweep_sometimes() -> None:
    """Sweep at most once a minute per process; called after a settle, when a connection is at hand."""
    global _next_sweep
    now = time.monotonic()
    if now < _next_sweep or not _lock.acquire(blocking=False):
        return
    try:
        _next_sweep = now + _INTERVAL_SECONDS
        sweep()
    finally:
        _lock.release()
