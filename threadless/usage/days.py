"""Days in `BILLING_TIME_ZONE`: the days of rollups, reports and purges. A day may have 23 or 25 hours."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django.utils import timezone

from threadless.conf import conf


def day_of(moment: datetime) -> date:
    """The day of a time of the ledger. With `USE_TZ = False` the ledger has times of `TIME_ZONE`."""
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment, timezone.get_default_timezone())
    return moment.astimezone(conf.billing_zone).date()


def today() -> date:
    """The current day."""
    return day_of(timezone.now())


def end_of_month(day: date) -> date:
    """The last day of its month."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def start_of_day(day: date) -> datetime:
    """The first moment of a day, in the form in which the ledger stores times."""
    start = datetime.combine(day, time.min, tzinfo=conf.billing_zone)
    return timezone.make_naive(start, timezone.get_default_timezone()) if timezone.is_naive(timezone.now()) else start
