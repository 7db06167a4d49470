"""Sums over a range of days, grouped and filtered: what the report pages, `threadless_report` and self-service read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from django.db import router
from django.db.models import Q
from django.utils import timezone

from threadless.reports.models import TABLES, DaySums, Rollup, UsageDay
from threadless.reports.sums import COLUMNS, Sums, aggregates_of_days, aggregates_of_records, sums_of
from threadless.usage.days import day_of, start_of_day
from threadless.usage.models import UsageRecord

GROUPS: Final = ("day", *UsageDay.dimensions)
"""What sums can be grouped by, and with the exception of the day, filtered by."""
MAX_DAYS_OF_RECORDS: Final = 31
"""How many days without a rollup a query reads from the ledger."""
_FEW_CALLS: Final = 5_000
"""A day with at most so many calls is read from the ledger until it is settled, so that its sums are current."""
_MAX_AGE: Final = timedelta(minutes=15)
"""How old the sums of a busy day may be."""

Group = tuple[Any, ...]


class NotRolledUp(Exception):
    """Too many days of the range have no sums yet. `threadless_rollup` computes them."""

    def __init__(self, days: int) -> None:
        super().__init__(f"{days} days have no sums yet. Run manage.py threadless_rollup.")
        self.days = days


class Period(msgspec.Struct, frozen=True):
    """Days in `BILLING_TIME_ZONE`, both ends included."""

    first: date
    last: date

    @property
    def length(self) -> int:
        """The number of days."""
        return (self.last - self.first).days + 1

    def days(self) -> Iterator[date]:
        """All days in their order."""
        return (self.first + timedelta(days=number) for number in range(self.length))

    def before(self) -> Period:
        """The period of the same length that ends before this one."""
        return Period(self.first - timedelta(days=self.length), self.first - timedelta(days=1))


def sums(
    period: Period,
    by: Iterable[str] = (),
    where: Mapping[str, Any] | None = None,
    using: str | None = None,
    *,
    columns: Collection[str] = COLUMNS,
    from_records: Collection[date] | None = None,
) -> dict[Group, Sums]:
    """The sums of each group that has calls. Without `by` the only group is `()`.

    `where` maps dimensions to a value, or to a list of values. Days that are settled are read from the rollup. The
    others are read from the ledger, or from their latest rollup if they have many calls. `columns` names the sums that
    are needed: fewer are faster, and the others are 0. Calls are always counted. `from_records` is what
    `days_of_records` has returned for the period, so that several queries need it only once.
    Raises `NotRolledUp`, and `ValueError` for an unknown dimension.
    """
    by, where, columns = tuple(by), where or {}, dict.fromkeys(("calls", *columns))
    condition = _lookups(where)
    if unknown := set(by) - set(GROUPS):
        raise ValueError(f"Unknown dimension: {', '.join(sorted(unknown))}.")
    using = using or router.db_for_read(UsageRecord)
    from_records = days_of_records(period, using) if from_records is None else from_records
    table = _shortest_table({*by, *where} - {"day"})
    found = _from_rollup(table, period, from_records, by, condition, using, columns)
    for day in from_records:
        for group, added in _from_records(day, by, condition, using, columns):
            found[group] = found.get(group, Sums()) + added
    return found


def total(period: Period, where: Mapping[str, Any] | None = None, using: str | None = None) -> Sums:
    """The sums of all calls of the period that agree with `where`. Raises like `sums`."""
    return sums(period, (), where, using).get((), Sums())


def as_of(period: Period, using: str | None = None) -> datetime:
    """The time until which the sums of the period are complete: now, or when the sums of a busy day were computed."""
    unsettled = (each for each in _rollups(period, using or router.db_for_read(UsageRecord)) if not each.is_settled)
    return min((each.made_at for each in unsettled if each.made_at and _is_current(each)), default=timezone.now())


def days_of_records(period: Period, using: str) -> list[date]:
    """The days of the period whose sums must be read from the ledger. Raises `NotRolledUp` if there are too many."""
    oldest = UsageRecord.objects.using(using).order_by("opened_at", "id").values_list("opened_at", flat=True).first()
    newest = UsageRecord.objects.using(using).order_by("-opened_at", "-id").values_list("opened_at", flat=True).first()
    if oldest is None or newest is None:
        return []
    rolled_up = {each.day for each in _rollups(period, using) if _is_current(each)}
    first, last = day_of(oldest), day_of(newest)
    days = [day for day in period.days() if first <= day <= last and day not in rolled_up]
    if len(days) > MAX_DAYS_OF_RECORDS:
        raise NotRolledUp(len(days))
    return days


class _Rollup(NamedTuple):
    """A short form of `Rollup`, because a long range has hundreds."""

    day: date
    made_at: datetime | None
    calls: int
    is_settled: bool


def _rollups(period: Period, using: str) -> list[_Rollup]:
    rollups = Rollup.objects.using(using).filter(day__range=(period.first, period.last))
    return list(map(_Rollup._make, rollups.values_list(*_Rollup._fields)))


def _is_current(rollup: _Rollup) -> bool:
    if rollup.is_settled or rollup.made_at is None:
        return rollup.is_settled
    return rollup.calls > _FEW_CALLS and rollup.made_at > timezone.now() - _MAX_AGE


def _shortest_table(columns: Collection[str]) -> type[DaySums]:
    return next(table for table in TABLES if set(columns) <= set(table.dimensions))


def _from_rollup(
    table: type[DaySums],
    period: Period,
    left_out: Collection[date],
    by: tuple[str, ...],
    where: Q,
    using: str,
    columns: Collection[str],
) -> dict[Group, Sums]:
    rows = table._default_manager.using(using).filter(where, day__range=(period.first, period.last))
    rows = rows.exclude(day__in=left_out) if left_out else rows
    return _grouped(rows, by, aggregates_of_days(columns))


def _from_records(
    day: date, by: tuple[str, ...], where: Q, using: str, columns: Collection[str]
) -> Iterator[tuple[Group, Sums]]:
    rows = UsageRecord.objects.using(using).filter(
        where, opened_at__gte=start_of_day(day), opened_at__lt=start_of_day(day + timedelta(days=1))
    )
    names = [name for name in by if name != "day"]
    for group, found in _grouped(rows, names, aggregates_of_records(columns)).items():
        values = dict(zip(names, group, strict=True)) | {"day": day}
        yield tuple(values[name] for name in by), found


def _grouped(rows: Any, by: Collection[str], aggregates: Mapping[str, Any]) -> dict[Group, Sums]:
    rows = rows.order_by()
    found = rows.values(*by).annotate(**aggregates) if by else [rows.aggregate(**aggregates)]
    return {tuple(row[name] for name in by): each for row in found if (each := sums_of(row)).calls}


def _lookups(where: Mapping[str, Any]) -> Q:
    if unknown := set(where) - set(UsageDay.dimensions):
        raise ValueError(f"Unknown dimension: {', '.join(sorted(unknown))}.")
    condition = Q()
    for name, value in where.items():
        values = list(value) if isinstance(value, list | tuple | set) else [value]
        in_values = Q(**{f"{name}__in": [each for each in values if each is not None]})
        condition &= in_values | Q(**{f"{name}__isnull": True}) if None in values else in_values
    return condition
