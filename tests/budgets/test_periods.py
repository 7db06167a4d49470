"""Periods begin at midnight in the billing time zone, also where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.support.fixtures import Configure
from threadless.budgets.periods import end_of, start_of

VIENNA = "Europe/Vienna"


@pytest.mark.parametrize(
    ("period", "moment", "start", "end"),
    [
        ("day", "2026-11-26T23:30", "2026-11-26T23:00", "2026-11-27T23:00"),
        ("week", "2026-11-26T12:00", "2026-11-22T23:00", "2026-11-29T23:00"),
        ("month", "2026-11-26T12:00", "2026-10-31T23:00", "2026-11-30T23:00"),
        ("month", "2026-12-31T22:59", "2026-11-30T23:00", "2026-12-31T23:00"),
        ("day", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("day", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("week", "2026-10-25T12:00", "2026-10-18T22:00", "2026-10-25T23:00"),
        ("month", "2026-10-05T12:00", "2026-09-30T22:00", "2026-10-31T23:00"),
    ],
)
def test_period_contains_moment(configure: Configure, period: str, moment: str, start: str, end: str) -> None:
    configure(BILLING_TIME_ZONE=VIENNA)
    starts_at = start_of(period, utc(moment))
    assert (starts_at, end_of(period, starts_at)) == (utc(start), utc(end))


def test_day_that_begins_in_the_missing_hour_begins_with_the_change(configure: Configure) -> None:
    configure(BILLING_TIME_ZONE="Asia/Beirut")
    assert start_of("day", utc("2026-03-29T12:00")) == utc("2026-03-28T22:00")


def test_total_has_one_period_without_end(configure: Configure) -> None:
    assert start_of("total", utc("2026-11-26T12:00")) == start_of("total", utc("2036-11-26T12:00"))
    assert end_of("total", start_of("total", utc("2026-11-26T12:00"))) is None


def test_periods_of_local_times_are_stored_as_local_times(settings: object, configure: Configure) -> None:
    settings.USE_TZ = False  # type: ignore[attr-defined]
    settings.TIME_ZONE = "Asia/Tokyo"  # type: ignore[attr-defined]
    configure(BILLING_TIME_ZONE=VIENNA)
    starts_at = start_of("day", datetime(2026, 11, 26, 12))
    assert starts_at == datetime(2026, 11, 26, 8)
    assert end_of("day", starts_at) == utc("2026-11-26T23:00")


def utc(text: str) -> datetime:
    """This time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
