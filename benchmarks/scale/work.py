"""Access to the filled database through Django, and the work of a server: calls, sweep, purge, rollup."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from benchmarks.scale.pages import LIST_MS, Facts
from project.accounts.models import ApiKey
from threadless.keys.secrets import digest, generate
from threadless.reports.models import UsageDay
from threadless.reports.rollup import roll_up
from threadless.types import Caller, Target, Usage
from threadless.usage.base import Opening, Outcome
from threadless.usage.days import today
from threadless.usage.models import UsageRecord
from threadless.usage.purge import purge
from threadless.usage.recorder import DatabaseUsageRecorder
from threadless.usage.search import Position
from threadless.usage.sweep import sweep

_ledger = UsageRecord.objects


def refresh() -> None:
    """Compute the sums of the days that are not over."""
    for days in (1, 0):
        roll_up(today() - timedelta(days=days))


def facts(rows: int) -> Facts:
    """The busiest key is the last one."""
    key = ApiKey.objects.latest("pk")
    return Facts(
        today=today(),
        rows=rows,
        user=key.user_id,
        rare_user=get_user_model().objects.get(username="staff").pk,
        key=str(key.pk),
        account=str(key.organisation_id),
        deep=str(Position.of(_ledger.get(pk=rows // 2))).replace("+", "%2B"),
    )


def clients(known: Facts) -> tuple[Client, Client, Client]:
    """The staff, the customer, and somebody who is not signed in."""
    users: Any = get_user_model()._default_manager
    staff, customer = Client(headers={"host": "127.0.0.1"}), Client(headers={"host": "127.0.0.1"})
    staff.force_login(users.get(username="staff"))
    customer.force_login(users.get(pk=known.user))
    return staff, customer, Client(headers={"host": "127.0.0.1"})


def secret_of(key: str) -> str:
    """A new secret of the key."""
    secret = generate("harbour")
    ApiKey.objects.filter(pk=key).update(digest=digest(secret))
    return secret


def statements(run: Callable[[], Any]) -> int:
    """The number of SQL statements."""
    count = 0

    def counted(execute: Any, *arguments: Any) -> Any:
        nonlocal count
        count += 1
        return execute(*arguments)

    with connection.execute_wrapper(counted):
        run()
    return count


def tasks() -> Iterator[tuple[str, str, int, Callable[[], Any]]]:
    """What servers do beside the calls. The bounds are those of a page, because calls may wait for it."""
    yield "upkeep", "sweep without overdue calls", LIST_MS, sweep
    yield "upkeep", "sweep of 100 overdue calls", LIST_MS, _undone(_sweep_some)
    yield "upkeep", "purge of one batch (1,000 rows)", LIST_MS, _undone(lambda: next(purge(300)))
    yield "upkeep", "sums of yesterday", 30_000, lambda: roll_up(today() - timedelta(days=1))
    if _partitions():
        yield "upkeep", "dropping a month", LIST_MS, _undone(_drop_month)


def _undone(run: Callable[[], Any]) -> Callable[[], None]:
    def in_transaction() -> None:
        with transaction.atomic():
            run()
            transaction.set_rollback(True)

    return in_transaction


def _partitions() -> list[str]:
    select = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1"
    with connection.cursor() as cursor:
        cursor.execute(select, [UsageRecord._meta.db_table])
        return [name for (name,) in cursor.fetchall()]


def _drop_month() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {_partitions()[1]}")


def _sweep_some() -> None:
    newest = _ledger.order_by("-opened_at", "-id").values_list("pk", flat=True)[:100]
    _ledger.filter(pk__in=list(newest)).update(state="open", deadline=timezone.now() - timedelta(minutes=1))
    if sweep() != 100:
        raise RuntimeError("The sweep has not found the overdue calls.")


def calls(number: int) -> dict[str, Any]:
    """The cost of the ledger for one call: statements, and the median times of opening and settling in milliseconds."""
    recorder, opened, settled, pks = DatabaseUsageRecorder(), [], [], []
    outcome = Outcome(state="completed", usage=Usage(prompt_tokens=100, completion_tokens=50), cost_nano=1)
    for each in range(number):
        start = time.perf_counter()
        entry = recorder.open(_opening(each))
        between = time.perf_counter()
        recorder.settle(entry, outcome)
        settled.append(time.perf_counter() - between)
        opened.append(between - start)
        pks.append(entry.pk)
    sent = statements(lambda: recorder.settle(recorder.open(_opening(number)), outcome))
    updates = _updates(pks)
    _ledger.filter(request_id__startswith="req_scale_", opened_at__gte=timezone.now() - timedelta(hours=1)).delete()
    return {
        "statements": sent,
        "open_ms": round(statistics.median(opened) * 1000, 2),
        "settle_ms": round(statistics.median(settled) * 1000, 2),
        **updates,
    }


def _updates(pks: list[int]) -> dict[str, float]:
    """The median times of an UPDATE that finds its record by the number, or also by the time of its opening."""
    times: dict[str, list[float]] = {"by_number_ms": [], "by_number_and_time_ms": []}
    opened = _ledger.filter(pk__in=pks).values_list("pk", "opened_at")
    with connection.cursor() as cursor:
        for name, condition in zip(times, ("id = %s", "id = %s AND opened_at = %s"), strict=True):
            for row in list(opened):
                start = time.perf_counter()
                cursor.execute(f"{_UPDATE} WHERE {condition}", row[: condition.count("%s")])
                times[name].append(time.perf_counter() - start)
    return {name: round(statistics.median(each) * 1000, 2) for name, each in times.items()}


def _opening(number: int) -> Opening:
    key = ApiKey.objects.latest("pk") if number == 0 else None
    pk = str(key.pk) if key else str(number % 600)
    return Opening(
        request_id=f"req_scale_{number:024}",
        caller=Caller(user_id=number % 200 + 2, key_id=pk, label="CI pipeline", account=str(number % 40 + 1)),
        target=Target(id="gpt-4.1", model="upstream-gpt-4.1"),
        is_stream=False,
        opened_at=timezone.now(),
    )


_UPDATE: Final = f"UPDATE {UsageRecord._meta.db_table} SET duration_ms = 1"
_SIZES: Final = """
SELECT sum(pg_table_size(part)), sum(pg_indexes_size(part)), pg_total_relation_size(%s)
FROM (SELECT %s::regclass AS part UNION SELECT inhrelid FROM pg_inherits WHERE inhparent = %s::regclass) AS parts
"""


def sizes() -> dict[str, int]:
    """Bytes of the ledger, its indexes and the sums of days, and the number of these sums."""
    table, days = UsageRecord._meta.db_table, UsageDay._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(_SIZES, [days, table, table])
        ledger, indexes, sums = map(int, cursor.fetchone())
    return {"ledger": ledger, "indexes": indexes, "sums": sums, "rows_of_sums": UsageDay.objects.count()}
