"""Sums over a range of days, grouped and filtered: what the report pages, `threadless_report` and self-service read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import reduce
from itertools import chain
from operator import or_
from typing import Any, Final, NamedTuple

import msgspec
from django.db import router
from django.db.models import Q
from django.utils import timezone

from threadless.reports.models import MONTHS, TABLES, DaySums, Rollup, UsageDay
from threadless.reports.sums import COLUMNS, PREFIX, Sums, aggregates_of_days, aggregates_of_records, reader
from threadless.usage.days import day_of, end_of_month, start_of_day
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


class Sources(NamedTuple):
    """The days of a period that are not read from the tables of days."""

    records: Collection[date]
    """Days that are read from the ledger."""
    months: Collection[date]
    """The first days of months that lie in the period as a whole, and whose sums are up to date."""


def sums(
    period: Period,
    by: Iterable[str] = (),
    where: Mapping[str, Any] | None = None,
    using: str | None = None,
    *,
    columns: Collection[str] = COLUMNS,
    sources: Sources | None = None,
    months_are_days: bool = False,
) -> dict[Group, Sums]:
    """The sums of each group that has calls. Without `by` the only group is `()`.

    `where` maps dimensions to a value, or to a list of values. Days that are settled are read from the rollup. The
    others are read from the ledger, or from their latest rollup if they have many calls. `columns` names the sums that
    are needed: fewer are faster, and the others are 0. Calls are always counted. `sources` is what `sources_of` has
    returned for the period, so that several queries need it only once. With `months_are_days`, sums by day may have the
    sums of a whole month at its first day, which is faster.
    Raises `NotRolledUp`, and `ValueError` for an unknown dimension.
    """
    by, where, columns = tuple(by), where or {}, dict.fromkeys(("calls", *columns))
    condition = _lookups(where)
    if unknown := set(by) - set(GROUPS):
        raise ValueError(f"Unknown dimension: {', '.join(sorted(unknown))}.")
    using = using or router.db_for_read(UsageRecord)
    sources = sources or sources_of(period, using)
    if "day" in by and not months_are_days:
        sources = sources._replace(months=())
    table = _shortest_table({*by, *where} - {"day"})
    from_records = (_from_records(day, by, condition, using, columns) for day in sources.records)
    return _merged(_from_rollups(table, period, sources, by, condition, using, columns), *from_records)


def total(period: Period, where: Mapping[str, Any] | None = None, using: str | None = None) -> Sums:
    """The sums of all calls of the period that agree with `where`. Raises like `sums`."""
    return sums(period, (), where, using).get((), Sums())


def as_of(period: Period, using: str | None = None) -> datetime:
    """The time until which the sums of the period are complete: now, or when the sums of a busy day were computed."""
    unsettled = (each for each in _rollups(period, using or router.db_for_read(UsageRecord)) if not each.is_settled)
    return min((each.made_at for each in unsettled if each.made_at and _is_current(each)), default=timezone.now())


def sources_of(period: Period, using: str) -> Sources:
    """Where the sums of the period come from. Raises `NotRolledUp` if too many days must be read from the ledger."""
    rollups = _rollups(period, using)
    records = _days_of_records(period, rollups, using)
    return Sources(records, _months(period, rollups, records))


def _days_of_records(period: Period, rollups: Iterable[_Rollup], using: str) -> list[date]:
    oldest = UsageRecord.objects.using(using).order_by("opened_at", "id").values_list("opened_at", flat=True).first()
    newest = UsageRecord.objects.using(using).order_by("-opened_at", "-id").values_list("opened_at", flat=True).first()
    if oldest is None or newest is None:
        return []
    rolled_up = {each.day for each in rollups if _is_current(each)}
    first, last = day_of(oldest), day_of(newest)
    days = [day for day in period.days() if first <= day <= last and day not in rolled_up]
    if len(days) > MAX_DAYS_OF_RECORDS:
        raise NotRolledUp(len(days))
    return days


def _months(period: Period, rollups: Iterable[_Rollup], records: Iterable[date]) -> list[date]:
    changed = {each.day for each in rollups if each.made_at is None or each.made_at != each.in_month_as_of}
    months = {each.day.replace(day=1) for each in rollups} - {day.replace(day=1) for day in changed.union(records)}
    return sorted(month for month in months if period.first <= month and end_of_month(month) <= period.last)


class _Rollup(NamedTuple):
    """A short form of `Rollup`, because a long range has hundreds."""

    day: date
    made_at: datetime | None
    calls: int
    is_settled: bool
    in_month_as_of: datetime | None


def _rollups(period: Period, using: str) -> list[_Rollup]:
    rollups = Rollup.objects.using(using).filter(day__range=(period.first, period.last))
    return list(map(_Rollup._make, rollups.values_list(*_Rollup._fields)))


def _is_current(rollup: _Rollup) -> bool:
    if rollup.is_settled or rollup.made_at is None:
        return rollup.is_settled
    return rollup.calls > _FEW_CALLS and rollup.made_at > timezone.now() - _MAX_AGE


def _shortest_table(columns: Collection[str]) -> type[DaySums]:
    return next(table for table in TABLES if set(columns) <= set(table.dimensions))


def _from_rollups(
    table: type[DaySums],
    period: Period,
    sources: Sources,
    by: tuple[str, ...],
    where: Q,
    using: str,
    columns: Collection[str],
) -> Iterator[tuple[Group, Sums]]:
    months = sources.months if table in MONTHS else ()
    days = (day for day in period.days() if day not in sources.records and day.replace(day=1) not in months)
    parts = [(table, ranges)] if (ranges := _in_ranges(days)) else []
    parts += [(MONTHS[table], Q(day__in=months))] if months else []
    for each, chosen in parts:
        rows = each._default_manager.using(using).filter(where, chosen)
        yield from _grouped(rows, by, aggregates_of_days(columns)).items()


def _in_ranges(days: Iterable[date]) -> Q:
    """The condition for these days, which are in order: an index finds ranges, but not what lies between others."""
    ranges: list[tuple[date, date]] = []
    for day in days:
        if ranges and ranges[-1][1] + timedelta(days=1) == day:
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return reduce(or_, (Q(day__range=each) for each in ranges), Q())


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


def _merged(*parts: Iterable[tuple[Group, Sums]]) -> dict[Group, Sums]:
    found: dict[Group, Sums] = {}
    for group, added in chain(*parts):
        found[group] = found[group] + added if group in found else added
    return found


def _grouped(rows: Any, by: Collection[str], aggregates: Mapping[str, Any]) -> dict[Group, Sums]:
    rows, read = rows.order_by(), reader([name.removeprefix(PREFIX) for name in aggregates])
    if by:
        found = rows.values(*by).annotate(**aggregates).values_list(*by, *aggregates)
    else:
        found = [tuple(rows.aggregate(**aggregates).values())]
    return {row[: len(by)]: each for row in found if (each := read(row[len(by) :])).calls}


def _lookups(where: Mapping[str, Any]) -> Q:
    if unknown := set(where) - set(UsageDay.dimensions):
        raise ValueError(f"Unknown dimension: {', '.join(sorted(unknown))}.")
    condition = Q()
    for name, value in where.items():
        values = list(value) if isinstance(value, list | tuple | set) else [value]
        in_values = Q(**{f"{name}__in": [each for each in values if each is not None]})
        condition &= in_values | Q(**{f"{name}__isnull": True}) if None in values else in_values
    return condition
