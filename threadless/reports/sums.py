"""`Sums`, what reports add up, and how to compute it from usage records and from the tables of days."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from operator import attrgetter
from typing import Any, Final

import msgspec
from django.db.models import Aggregate, Count, Q, Sum

from threadless.reports.models import BUCKETS_MS
from threadless.usage.models import UsageRecord

_State = UsageRecord.State

FIRST_TOKENS: Final = tuple(f"first_token_{number}" for number in range(len(BUCKETS_MS) + 1))
"""The columns of the histogram of times to the first token."""
_NO_FIRST_TOKENS: Final = (0,) * len(FIRST_TOKENS)
_SUMMED: Final = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "cost_nano", "duration_ms")
COLUMNS: Final = ("calls", "failed", *_SUMMED, "cost_unknown", *FIRST_TOKENS)
"""The columns of sums in the tables of days."""


NUMBERS: Final = (
    "calls", "failed", "prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "cost_nano",
    "cost_unknown", "duration_ms",
)  # fmt: skip
"""The sums that files list, in their order."""
PREFIX: Final = "sum_"
"""Begins the names of the aggregates. With the names of their columns, they would hide the columns from each other."""


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of some calls. Cached tokens are part of the prompt, reasoning tokens are part of the completion."""

    calls: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nano: int = 0
    """In billionths of the currency, of the calls whose cost is known."""
    cost_unknown: int = 0
    """Calls whose cost is unknown: nobody counted their tokens, or their model had no price."""
    duration_ms: int = 0
    first_tokens: tuple[int, ...] = _NO_FIRST_TOKENS
    """Calls by time to the first token. `BUCKETS_MS` has the upper bounds of the buckets."""

    def __add__(self, other: Sums) -> Sums:
        """The sums of both."""
        return added((self, other))

    def first_token_ms(self, share: float) -> int | None:
        """The time within which this share of the calls had its first token, such as 0.95. None without any.

        Interpolated within a bucket, so exact to the width of the bucket. The last bucket has no upper bound: its
        lower one is returned.
        """
        wanted = share * sum(self.first_tokens)
        for (low, high), count in zip(pairwise((0, *BUCKETS_MS)), self.first_tokens, strict=False):
            if count and wanted <= count:
                return round(low + (high - low) * wanted / count)
            wanted -= count
        return BUCKETS_MS[-1] if self.first_tokens[-1] else None


def added(all_sums: Iterable[Sums]) -> Sums:
    """The sums of all of them."""
    found = tuple(all_sums)
    numbers = {name: sum(map(attrgetter(name), found)) for name in NUMBERS}
    buckets = zip(_NO_FIRST_TOKENS, *(each.first_tokens for each in found), strict=True)
    return Sums(**numbers, first_tokens=tuple(map(sum, buckets)))


def reader(columns: Collection[str]) -> Callable[[Sequence[Any]], Sums]:
    """What makes `Sums` of the aggregates of these columns, in the order of `COLUMNS`. A sum over no rows is None."""
    names = [name for name in columns if name not in FIRST_TOKENS]
    has_buckets = len(names) < len(columns)

    def read(values: Sequence[Any]) -> Sums:
        numbers = {name: int(value or 0) for name, value in zip(names, values, strict=False)}
        buckets = tuple([int(value or 0) for value in values[len(names) :]]) if has_buckets else _NO_FIRST_TOKENS
        return Sums(**numbers, first_tokens=buckets)

    return read


class _Sum(Sum):
    """A sum without Django's conversion of each value, because `reader` converts."""

    def get_db_converters(self, connection: Any) -> list[Any]:
        """None."""
        return []


class _Count(_Sum):
    """A sum that fits into a big integer. PostgreSQL would make it a decimal, which takes long to read."""

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """The sum as a big integer."""
        sql, params = self.as_sql(compiler, connection, **context)
        return f"({sql})::bigint", params


def aggregates_of_days(columns: Collection[str] = COLUMNS) -> Mapping[str, Aggregate]:
    """The aggregates that make `Sums` of rows of a table of days."""
    return {PREFIX + name: _Sum(name) if name == "cost_nano" else _Count(name) for name in columns}


def aggregates_of_records(columns: Collection[str] = COLUMNS) -> Mapping[str, Aggregate]:
    """The aggregates that make `Sums` of usage records."""
    bounds = pairwise((None, *BUCKETS_MS, None))
    aggregates: dict[str, Aggregate] = {
        "calls": Count("pk"),
        "failed": Count("pk", filter=Q(state=_State.FAILED)),
        "cost_unknown": Count("pk", filter=_has_unknown_cost()),
        **{name: Sum(name, default=0) for name in _SUMMED},
        **{name: Count("pk", filter=_in_bucket(*each)) for name, each in zip(FIRST_TOKENS, bounds, strict=True)},
    }
    return {PREFIX + name: aggregates[name] for name in columns}


def _has_unknown_cost() -> Q:
    """A call that has ended without any usage cost nothing. All others without a cost are unknown."""
    return Q(cost_nano=None) & (Q(state__in=(_State.OPEN, _State.INTERRUPTED)) | Q(prompt_tokens__isnull=False))


def _in_bucket(low: int | None, high: int | None) -> Q:
    """Above the lower bound, up to the upper one."""
    bucket = Q(first_token_ms__isnull=False)
    if low is not None:
        bucket &= Q(first_token_ms__gt=low)
    return bucket if high is None else bucket & Q(first_token_ms__lte=high)
