"""Finds usage records without reading the whole ledger, which can have millions of rows.

Rows come in pages by (`opened_at`, `id`). A page starts where the last one ended, so no page costs more than another
and no row is out of reach. Filters with an index find their rows directly; under any other filter a page examines at
most `EXAMINED` rows, and the next page continues from there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import groupby, islice
from typing import Final, NamedTuple

from django.db import connections
from django.db.models import Min, Q, QuerySet

from threadless.usage.models import UsageRecord

EXAMINED: Final = 10_000
"""Rows that a page examines at most under a filter without an index."""
INDEXED: Final = ("key_id", "user", "account", "model")
"""Columns with an index in which `opened_at` follows."""
_NEWEST_FIRST: Final = ("-opened_at", "-id")
_OLDEST_FIRST: Final = ("opened_at", "id")


class Position(NamedTuple):
    """A place in the ledger: between this row and the next older one.

    What is below a position is older than its row. The row itself is above.
    """

    opened_at: datetime
    id: int

    def __str__(self) -> str:
        return f"{self.opened_at.isoformat()}~{self.id}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """The position with this text. Raises `ValueError` for any other text."""
        moment, _, number = text.partition("~")
        return cls(datetime.fromisoformat(moment), int(number))

    @classmethod
    def of(cls, record: UsageRecord) -> Position:
        """The position of a row."""
        return cls(record.opened_at, record.pk)


@dataclass(frozen=True, kw_only=True)
class Page:
    """Rows, newest first. `newer` and `older` are the positions of the neighboring pages; None if there is no page."""

    rows: list[UsageRecord]
    newer: Position | None
    older: Position | None
    examined_to: datetime | None = None
    """Set if the page ends because it has examined `EXAMINED` rows: when the last of them was opened."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """The records among `rows` that match one of `leads`, and are in `matching`.

    Each lead must be a condition on one column that has an index, or empty for all rows. `rows` may be limited to a
    range of `opened_at`. Any other condition belongs into `matching`, a part of `rows`.
    """

    rows: QuerySet[UsageRecord]
    leads: Sequence[Q] = (Q(),)
    matching: QuerySet[UsageRecord] | None = None

    def older(self, size: int, start: Position | None = None) -> Page:
        """The page below `start`; without `start` the newest page."""
        floor = self._limit(start, None)
        rows = self._find(size + 1, upper=start, lower=floor, order=_NEWEST_FIRST)
        if len(rows) > size:
            return Page(rows=rows[:size], newer=start, older=Position.of(rows[size - 1]))
        return Page(rows=rows, newer=start, older=floor, examined_to=floor and floor.opened_at)

    def newer(self, size: int, start: Position) -> Page:
        """The page above `start`."""
        ceiling = self._limit(None, start)
        rows = self._find(size + 1, upper=ceiling, lower=start, order=_OLDEST_FIRST)
        newer = Position.of(rows[size]) if len(rows) > size else ceiling
        return Page(rows=rows[:size][::-1], newer=newer, older=start)

    def _find(
        self, size: int, *, upper: Position | None, lower: Position | None, order: tuple[str, str]
    ) -> list[UsageRecord]:
        matching = self.rows if self.matching is None else self.matching
        stretches = [_within(matching.filter(lead), upper, lower).order_by(*order)[:size] for lead in self.leads]
        if len(stretches) == 1:
            return list(stretches[0])
        positions = [stretch.select_related(None).values_list("opened_at", "id") for stretch in stretches]
        ordered = merge(*positions, reverse=order is _NEWEST_FIRST)
        found = list(islice((position for position, _ in groupby(ordered)), size))
        return list(_at(matching, found).order_by(*order)) if found else []

    def _limit(self, upper: Position | None, lower: Position | None) -> Position | None:
        """Where a page must end that begins at one of the positions; None if all rows may be examined."""
        limits = []
        order = _OLDEST_FIRST if lower else _NEWEST_FIRST
        for lead in self.leads if self.matching is not None else ():
            rows = _within(self.rows.filter(lead), upper, lower).order_by(*order).select_related(None)
            examined_last = rows.values_list("opened_at", "id")[EXAMINED - 1 : EXAMINED + 1]
            if len(positions := [Position(*row) for row in examined_last]) == 2:
                limits.append(positions[1 if lower else 0])
        return (min if lower else max)(limits, default=None)


def _within(rows: QuerySet[UsageRecord], upper: Position | None, lower: Position | None) -> QuerySet[UsageRecord]:
    """The rows below `upper` and not below `lower`."""
    if upper is not None:
        rows = rows.filter(opened_at__lte=upper.opened_at).exclude(opened_at=upper.opened_at, id__gte=upper.id)
    if lower is not None:
        rows = rows.filter(opened_at__gte=lower.opened_at).exclude(opened_at=lower.opened_at, id__lt=lower.id)
    return rows


def _at(rows: QuerySet[UsageRecord], positions: Collection[tuple[datetime, int]]) -> QuerySet[UsageRecord]:
    """The rows at these positions. Their times spare a partitioned table a search in every partition."""
    times, ids = zip(*positions, strict=True)
    return rows.filter(id__in=ids, opened_at__range=(min(times), max(times)))


def models_in_use(using: str, limit: int = 100) -> list[str]:
    """The first names of models in the ledger, by one index lookup each. A DISTINCT would read the whole index."""
    if connections[using].vendor == "mysql":
        return _next_models(using, limit)
    connection = connections[using]
    table, model = map(connection.ops.quote_name, (UsageRecord._meta.db_table, "model"))
    query = f"""
        WITH RECURSIVE found (name, number) AS (
            SELECT MIN({model}), 1 FROM {table}
            UNION ALL
            SELECT (SELECT MIN({model}) FROM {table} WHERE {model} > found.name), number + 1
            FROM found WHERE name IS NOT NULL AND number < %s
        )
        SELECT name FROM found WHERE name IS NOT NULL
    """  # noqa: S608 (the names are those of our own table)
    with connection.cursor() as cursor:
        cursor.execute(query, [limit])
        return sorted(name for (name,) in cursor.fetchall())


def _next_models(using: str, limit: int) -> list[str]:
    """The same with a query for each name: in a recursive query MariaDB reads the whole index for each step."""
    rows = UsageRecord.objects.using(using).order_by()
    found: list[str] = []
    while len(found) < limit:
        later = rows.filter(model__gt=found[-1]) if found else rows
        if (name := later.aggregate(name=Min("model"))["name"]) is None:
            break
        found.append(name)
    return found
