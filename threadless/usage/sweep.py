"""Marks records that are open past their deadline as interrupted. A late settlement replaces the mark."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import Any, Final

from django.db import connections, router, transaction
from django.db.models import F, Func, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from threadless.db.tenants import place
from threadless.usage.base import Entry
from threadless.usage.columns import name_of_process
from threadless.usage.hooks import LedgerHook, call_hooks, load_states
from threadless.usage.models import UsageRecord
from threadless.usage.upkeep import start_upkeep

logger = logging.getLogger("threadless.usage")

BATCH: Final = 1000
"""Maximum number of records per transaction, so that a sweep after a long outage locks few."""
_INTERVAL_SECONDS: Final = 60.0

_started: Final = time.monotonic()
_last_sweeps: Final[dict[str, float]] = {}
"""Monotonic time by database and schema."""


class _DatabaseNow(Now):
    """`Now` in UTC. On MySQL and MariaDB, Django's `Now` uses the time zone of the server."""

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return Func.as_sql(self, compiler, connection, template="UTC_TIMESTAMP(6)", **context)


def sweep(limit: int = BATCH, using: str | None = None) -> int:
    """Mark up to `limit` overdue records as interrupted. Returns their number. Safe to run at any time.

    The database's clock decides. With `USE_TZ = False` the host's clock decides, because databases do not know its time
    zone.
    """
    using = using or router.db_for_write(UsageRecord)
    now = timezone.now()
    overdue = UsageRecord.objects.using(using).filter(
        state=UsageRecord.State.OPEN, deadline__lt=now if timezone.is_naive(now) else _DatabaseNow()
    )
    ids = list(overdue.order_by("deadline").values_list("pk", flat=True)[:limit])
    if not ids:
        return 0
    overdue = overdue.filter(pk__in=ids)
    hooks = call_hooks()
    return _interrupt(using, overdue, hooks) if hooks else overdue.update(state=UsageRecord.State.INTERRUPTED)


def interrupt_process(process_id: int, ended_at: datetime, using: str | None = None) -> int:
    """Mark the records that a process of this host left open as interrupted, and return their number.

    `ended_at` is aware. Records that were opened later belong to another process that got the same ID.
    """
    using = using or router.db_for_write(UsageRecord)
    records = UsageRecord.objects.using(using).filter(
        state=UsageRecord.State.OPEN,
        worker=name_of_process(process_id),
        opened_at__lt=timezone.make_naive(ended_at) if timezone.is_naive(timezone.now()) else ended_at,
    )
    return _interrupt(using, records, call_hooks())


def _interrupt(using: str, overdue: QuerySet[UsageRecord], hooks: tuple[LedgerHook, ...]) -> int:
    """Lock the records in the order of their IDs, as all other transactions do, run the hooks and mark the records."""
    features = connections[using].features
    with transaction.atomic(using=using):
        if not features.has_select_for_update:
            overdue.update(deadline=F("deadline"))  # on SQLite, a transaction that begins with a read may fail to write
        rows = overdue.order_by("pk").select_for_update(skip_locked=features.has_select_for_update_skip_locked)
        states = {
            Entry(using, pk, request_id): load_states(state)
            for pk, request_id, state in rows.values_list("pk", "request_id", "hook_state")
        }
        for hook in hooks:
            hook.interrupting(using, {entry: found.get(hook.name) for entry, found in states.items()})
        return overdue.filter(pk__in=[entry.pk for entry in states]).update(state=UsageRecord.State.INTERRUPTED)


def sweep_sometimes(using: str) -> None:
    """Sweep each database and schema at most once a minute in each process. Called after a settlement."""
    now, where = time.monotonic(), place(using)
    if now - _last_sweeps.get(where, _started) < _INTERVAL_SECONDS:
        return
    _last_sweeps[where] = now
    try:
        sweep(using=using)
        start_upkeep(using)
    except Exception:  # the settlement itself has succeeded
        logger.exception("The sweep of overdue usage records failed.")
