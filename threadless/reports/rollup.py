"""Computes the sums of days from the ledger, and those of months from the days. Each run replaces what was there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import connections, router, transaction
from django.db.models import Aggregate, CharField, DateField, F, Func, Sum, Value
from django.db.models.functions import MD5, Cast, Coalesce
from django.utils import timezone

from threadless.conf import conf
from threadless.reports.models import MONTHS, TABLES, DaySums, Rollup, UsageDay
from threadless.reports.sums import COLUMNS, PREFIX, aggregates_of_days, aggregates_of_records
from threadless.usage.days import day_of, end_of_month, start_of_day, today
from threadless.usage.models import UsageRecord

_CLOCK_MARGIN: Final = timedelta(minutes=10)
"""How far the clocks of servers may differ, and how long the transaction that opens a call may take."""
_INTERVAL: Final = timedelta(minutes=1)
_CALLS_PER_INTERVAL: Final = 250_000
"""A day with more calls takes seconds, so it is aggregated less often while it may change."""


def ledger_database() -> str:
    """Alias of the database that has the usage records. The sums are in the same one."""
    return router.db_for_write(UsageRecord)


def roll_up(day: date, using: str | None = None) -> int:
    """Aggregate a day again, also if it is settled, and return the number of its calls. Leaves purged days alone."""
    return _roll_up(day, using or ledger_database())


def roll_up_due(using: str | None = None, *, seconds: float = 30.0) -> None:
    """Aggregate the days and months that are due, as many as the time allows. Other processes may do the same."""
    using = using or ledger_database()
    end = time.monotonic() + seconds
    for day, made_at in due_days(using, interval=_INTERVAL):
        _roll_up(day, using, made_at=made_at)
        if time.monotonic() > end:
            return
    roll_up_months(using, seconds=end - time.monotonic())


def roll_up_months(using: str | None = None, *, seconds: float = float("inf")) -> None:
    """Add up the days of the months that are due, as many as the time allows."""
    using, end = using or ledger_database(), time.monotonic() + seconds
    for month in _due_months(using):
        _roll_up_month(month, using)
        if time.monotonic() > end:
            return


def due_days(using: str, *, interval: timedelta = timedelta(0)) -> list[tuple[date, datetime | None]]:
    """The days whose sums are missing or may have changed, newest first, with the time of their present sums.

    Days that are not settled are left out until `interval` has passed. The ledger's first day is the earliest.
    """
    first = UsageRecord.objects.using(using).order_by("opened_at", "id").values_list("opened_at", flat=True).first()
    if first is None:
        return []
    last = today()
    days = [last - timedelta(days=number) for number in range((last - day_of(first)).days + 1)]
    rollups = {each.day: each for each in Rollup.objects.using(using).filter(day__range=(days[-1], last))}
    missing, now = Rollup(), timezone.now()
    found = [(day, rollups.get(day, missing)) for day in days]
    return [(day, rollup.made_at) for day, rollup in found if _is_due(rollup, now, interval)]


def _due_months(using: str) -> list[date]:
    """The first days of the months that are over and not up to date, newest first. Their days are up to date."""
    rollups = Rollup.objects.using(using).filter(day__lt=today().replace(day=1), made_at__isnull=False)
    changed = rollups.exclude(in_month_as_of=F("made_at")).values_list("day", flat=True)
    if not (months := {day.replace(day=1) for day in changed}):
        return []
    return sorted(months - {day.replace(day=1) for day, _made_at in due_days(using)}, reverse=True)


def mark_changed(day: date, using: str) -> None:
    """Aggregate the day again at the next opportunity. Runs in the transaction of the change.

    The row is inserted if it is missing: a rollup that begins now waits for this transaction at the unique index.
    """
    _ensure_row(day, using)
    Rollup.objects.using(using).filter(day=day, is_purged=False).update(is_settled=False, made_at=None)


def freeze_before(day: date, using: str) -> None:
    """Compute the last sums of the days before this one, whose usage records are about to be deleted."""
    for each, _made_at in due_days(using):
        if each < day:
            roll_up(each, using)
    Rollup.objects.using(using).filter(day__lt=day, is_purged=False).update(is_purged=True, is_settled=True)


def _is_due(rollup: Rollup, now: datetime, interval: timedelta) -> bool:
    if rollup.is_purged:
        return False
    if rollup.made_at is None or rollup.time_zone != str(conf.billing_zone):
        return True
    return not rollup.is_settled and rollup.made_at + interval * (1 + rollup.calls // _CALLS_PER_INTERVAL) <= now


def _roll_up(day: date, using: str, **condition: Any) -> int:
    _ensure_row(day, using)
    now = timezone.now()
    rollups = Rollup.objects.using(using).filter(day=day)
    with transaction.atomic(using=using):
        # The update comes first: it locks the row, so that two processes do not aggregate one day at a time, and a
        # late settlement that marks the day waits until these sums are committed.
        claimed = rollups.filter(**condition, is_purged=False).update(made_at=now, time_zone=str(conf.billing_zone))
        if not claimed:
            return 0
        _replace(day, using)
        days = UsageDay.objects.using(using).filter(day=day)
        calls = days.aggregate(calls=Sum("calls", default=0))["calls"]
        is_open = days.filter(state=UsageRecord.State.OPEN).exists()
        rollups.update(calls=calls, is_settled=not is_open and _is_over(day, now))
        return int(calls)


def _roll_up_month(month: date, using: str) -> None:
    days = {"day__range": (month, end_of_month(month))}
    with transaction.atomic(using=using):
        # The update locks the days: a transaction that replaces one of them, or removes a person, comes before or
        # after. A day that is replaced later has another time in `made_at`, so the month is not read any more.
        Rollup.objects.using(using).filter(**days).update(in_month_as_of=F("made_at"))
        for table, months in MONTHS.items():
            _rows(months, using).filter(day=month).delete()
            _insert(months, month, _rows(table, using).filter(**days), aggregates_of_days(), using)


def _is_over(day: date, now: datetime) -> bool:
    """Whether no call of this day can be opened or become interrupted any more."""
    longest = timedelta(seconds=conf.max_call_seconds) + _CLOCK_MARGIN
    return now > start_of_day(day + timedelta(days=1)) + longest


def _ensure_row(day: date, using: str) -> None:
    Rollup.objects.using(using).bulk_create([Rollup(day=day)], ignore_conflicts=True)


def _replace(day: date, using: str) -> None:
    """Compute the sums of `UsageDay` from the ledger, and those of the shorter tables from `UsageDay`."""
    for table in TABLES:
        _rows(table, using).filter(day=day).delete()
    records = UsageRecord.objects.using(using).filter(
        opened_at__gte=start_of_day(day), opened_at__lt=start_of_day(day + timedelta(days=1))
    )
    _insert(UsageDay, day, records, aggregates_of_records(), using)
    for table in TABLES:
        if table is not UsageDay:
            _insert(table, day, _rows(UsageDay, using).filter(day=day), aggregates_of_days(), using)


def _rows(table: type[DaySums], using: str) -> Any:
    return table._default_manager.using(using)


def _insert(table: type[DaySums], day: date, rows: Any, aggregates: Mapping[str, Aggregate], using: str) -> None:
    """One INSERT … SELECT, which Django has no method for: it compiles the SELECT. `day` is that of the new rows.

    The rows of a caller are written side by side, so that a query about one caller reads few pages.
    """
    made = {PREFIX + "day": Value(day, output_field=DateField()), PREFIX + "digest": _digest(table)}
    names = (*made, *table.dimensions)
    grouped = rows.order_by().annotate(**made).values(*names).annotate(**aggregates)
    select = grouped.order_by(*table.dimensions).values_list(*names, *(PREFIX + name for name in COLUMNS))
    connection = connections[using]
    sql, params = select.query.get_compiler(using=using).as_sql()
    columns = ", ".join(connection.ops.quote_name(name) for name in ("day", "digest", *table.dimensions, *COLUMNS))
    into = connection.ops.quote_name(table._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {into} ({columns}) {sql}", params)


class _Joined(Func):
    """All texts, one after the other. Django's `Concat` nests them, too deep for the parser of SQLite."""

    function = "CONCAT"
    output_field = CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="%(expressions)s", arg_joiner=" || ", **context)


def _digest(table: type[DaySums]) -> MD5:
    """Tells apart what collations of MariaDB regard as equal, such as "small" and "Small"."""
    user = Coalesce(Cast("user_id", CharField()), Value(""))
    parts = [user if name == "user_id" else name for name in table.dimensions]
    separator = Cast(Value("\x1f"), CharField())  # with `server_side_binding`, PostgreSQL cannot guess its type
    return MD5(_Joined(*(part for each in parts for part in (each, separator))))
