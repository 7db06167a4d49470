"""Sums by hour, which only the ledger has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import router
from django.db.models.functions import TruncHour
from django.utils import timezone

from threadless.reports.sums import COLUMNS, Sums, aggregates_of_records, reader
from threadless.usage.models import UsageRecord


def sums_of_hours(
    start: datetime, end: datetime, by: Sequence[str], where: Mapping[str, Any]
) -> dict[tuple[Any, ...], Sums]:
    """The sums of each hour of UTC and group that has calls. `where` maps columns to a value or a list of values."""
    has_zones = timezone.is_aware(timezone.now())
    lookups = {f"{name}__in" if isinstance(value, list) else name: value for name, value in where.items()}
    rows = UsageRecord.objects.using(router.db_for_read(UsageRecord)).filter(
        **lookups, opened_at__gte=_stored(start), opened_at__lt=_stored(end)
    )
    aggregates, read = aggregates_of_records(), reader(COLUMNS)
    grouped = (
        rows.annotate(hour=TruncHour("opened_at", tzinfo=UTC if has_zones else None))
        .order_by()
        .values("hour", *by)
        .annotate(**aggregates)
        .values_list("hour", *by, *aggregates)
    )
    return {(_in_utc(hour), *rest[: len(by)]): read(rest[len(by) :]) for hour, *rest in grouped}


def _stored(moment: datetime) -> datetime:
    """In the form in which the ledger stores times: naive in Django's `TIME_ZONE` without `USE_TZ`."""
    return moment if timezone.is_aware(timezone.now()) else timezone.make_naive(moment)


def _in_utc(hour: datetime) -> datetime:
    return (timezone.make_aware(hour) if timezone.is_naive(hour) else hour).astimezone(UTC)
