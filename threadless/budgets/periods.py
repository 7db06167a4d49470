"""Days, weeks and months in the setting `BILLING_TIME_ZONE`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from django.core.signals import setting_changed
from django.utils import timezone

from threadless.budgets.models import Period
from threadless.conf import conf

_known: Final[dict[str, tuple[datetime, datetime]]] = {}
"""The start and the end of the last period of each kind that a call was in. Most calls are in the same one."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Start of the one period of a total."""
_NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


def start_of(period: str, moment: datetime) -> datetime:
    """The start of the period that contains this moment, as the database stores it. Weeks begin on Monday."""
    starts_at, ends_at = _known.get(period) or (None, moment)
    if starts_at is None or not starts_at <= moment < ends_at:
        starts_at = _start_of(period, moment)
        _known[period] = starts_at, _stored(end_of(period, starts_at) or _NEVER)
    return starts_at


def _start_of(period: str, moment: datetime) -> datetime:
    if period == Period.TOTAL:
        return _stored(_EPOCH)
    day = _local(moment).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period == Period.WEEK:
        day -= timedelta(days=day.weekday())
    elif period == Period.MONTH:
        day = day.replace(day=1)
    return _stored(day)


def end_of(period: str, starts_at: datetime) -> datetime | None:
    """The end of the period that begins then, in the billing time zone; None for a total."""
    if period == Period.TOTAL:
        return None
    day = _local(starts_at)
    if period == Period.MONTH:
        return day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1)
    return day + timedelta(days=7 if period == Period.WEEK else 1)


def _local(moment: datetime) -> datetime:
    """The moment in the billing time zone. A naive one is in Django's `TIME_ZONE`, as without `USE_TZ`."""
    aware = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    return aware.astimezone(conf.billing_zone)


def _stored(moment: datetime) -> datetime:
    """In UTC, or naive in Django's `TIME_ZONE` without `USE_TZ`."""
    return timezone.make_naive(moment) if timezone.is_naive(timezone.now()) else moment.astimezone(UTC)


setting_changed.connect(lambda **_: _known.clear(), weak=False)
