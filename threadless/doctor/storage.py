"""The cache and the database behind the endpoint."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import DatabaseError, connections, router
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from threadless.conf import conf
from threadless.doctor.finding import Finding, error, warning
from threadless.doctor.surroundings import is_behind_pgbouncer
from threadless.keys.adapters import get_api_key_model
from threadless.usage.models import UsageRecord

_CLOCK_SECONDS: Final = 5.0
_NOW: Final = {
    "postgresql": "SELECT EXTRACT(EPOCH FROM clock_timestamp())",
    "mysql": "SELECT UNIX_TIMESTAMP(NOW(6))",
}
"""Seconds since 1970 by the clock of the database. SQLite has the clock of this process."""


def check_cache() -> Iterator[Finding]:
    """Whether the rate counters are shared, and whether their cache answers."""
    alias = conf.throttle_cache
    cache: Any = caches[alias]
    if isinstance(cache, LocMemCache | DummyCache):
        yield warning(
            "cache",
            f"THROTTLE_CACHE {alias!r} belongs to one process.",
            "With several server processes, each allows the full limits, also those of single keys.",
            "Name a cache that all processes share, such as Redis.",
        )
        return
    name, value = f"threadless:doctor:{secrets.token_hex(8)}", secrets.token_hex(8)
    try:
        cache.set(name, value, 30)
        found = cache.get(name)
        cache.delete(name)
    except Exception as failure:  # noqa: BLE001 (each cache has its own exceptions)
        found = type(failure).__name__
    if found != value:
        yield error(
            "cache",
            f"THROTTLE_CACHE {alias!r} does not keep values ({found}).",
            f"Limits per minute are not counted; CACHE_FAILURE is {conf.cache_failure!r}.",
            "Check the address of the cache and whether it runs.",
        )


def check_database() -> Iterator[Finding]:
    """The database of the ledger: reachable, migrated, pooled, and whether it is replicated."""
    using = router.db_for_write(UsageRecord)
    connection = connections[using]
    try:
        connection.ensure_connection()
        missing = _missing_migrations(connection)
    except DatabaseError as failure:
        what = f"Database {using!r} cannot be reached ({type(failure).__name__})."
        yield error("database", what, "Every call is refused with a 503.", "Check DATABASES and whether it runs.")
        return
    if missing:
        what = f"Database {using!r} lacks migrations: {', '.join(missing)}."
        yield error("database", what, "Calls fail without their tables.", "Run `manage.py migrate`.")
    yield from _check_pool(using, connection)
    yield from _check_replica()


def _missing_migrations(connection: Any) -> list[str]:
    executor = MigrationExecutor(connection)
    targets = [key for key in executor.loader.graph.leaf_nodes() if key[0].startswith("threadless")]
    return [f"{migration.app_label}.{migration.name}" for migration, _ in executor.migration_plan(targets)]


def _check_pool(using: str, connection: Any) -> Iterator[Finding]:
    database = connection.settings_dict
    is_pooled = database["OPTIONS"].get("pool") or is_behind_pgbouncer(database)
    if connection.vendor == "postgresql" and not is_pooled:
        yield warning(
            "database",
            f"Database {using!r} has no connection pool.",
            "Each call opens its own connections, and nothing bounds their number.",
            "Set OPTIONS['pool'] and CONN_MAX_AGE = 0.",
        )
    if connection.vendor == "sqlite":
        yield warning(
            "database",
            f"Database {using!r} is SQLite.",
            "It has one writer at a time and one machine.",
            "Use PostgreSQL for more than a small installation.",
        )


def _check_replica() -> Iterator[Finding]:
    for model in (get_api_key_model(), UsageRecord):
        reads, writes = router.db_for_read(model), router.db_for_write(model)
        if reads != writes:
            yield warning(
                "database",
                f"{model._meta.label} is read from {reads!r} and written to {writes!r}.",
                "Until a change is replicated, a new key is unknown and a revoked one still works.",
                "Let the router read keys from the database that they are written to.",
            )


def check_clock() -> Iterator[Finding]:
    """Compare the clock of the database with that of this process."""
    connection = connections[router.db_for_write(UsageRecord)]
    query = _NOW.get(connection.vendor)
    if query is None:
        return
    with connection.cursor() as cursor:
        before = time.time()
        cursor.execute(query)
        difference = float(cursor.fetchone()[0]) - (before + time.time()) / 2
    if abs(difference) > _CLOCK_SECONDS:
        yield warning(
            "clock",
            f"The clock of the database differs by {difference:+.0f} s from the one of this machine.",
            "Keys expire by the one and deadlines by the other, so rows are marked too early or too late.",
            "Synchronize both with NTP.",
        )


def check_sweep(now: datetime | None = None) -> Iterator[Finding]:
    """Whether rows are open long past their deadline."""
    limit = (now or timezone.now()) - timedelta(minutes=10)
    count = UsageRecord.objects.filter(state=UsageRecord.State.OPEN, deadline__lt=limit).count()
    if count:
        yield warning(
            "sweep",
            f"Usage records that are open ten minutes after their deadline: {count}.",
            "Their processes have died, and nothing marks them as interrupted.",
            "Run `manage.py threadless_sweep` from cron.",
        )
