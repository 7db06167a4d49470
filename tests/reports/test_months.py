"""The sums of a month are those of its days, and are read only while they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.reports.ledgers import at, fill
from tests.support.factories import entry_of
from tests.support.releases import go_back, upgrade
from threadless.reports.models import MONTHS, CallerMonth, DaySums
from threadless.reports.queries import Group, Period, sources_of, sums
from threadless.reports.rollup import roll_up, roll_up_due, roll_up_months
from threadless.reports.sums import Sums, added
from threadless.usage.recorder import DatabaseUsageRecorder, Outcome

pytestmark = pytest.mark.django_db

FEBRUARY, MARCH = date(2026, 2, 1), date(2026, 3, 1)
QUARTER = Period(date(2026, 2, 10), date(2026, 4, 9))
"""A whole month, and parts of two others."""
TABLES = list(MONTHS.values())


@pytest.fixture(autouse=True)
def _april() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 4, 10, 12, tzinfo=UTC)):
        yield


def filled() -> None:
    """A ledger from the middle of February until now, with the sums of its days and months."""
    fill(datetime(2026, 2, 15, tzinfo=UTC), hours=24 * 54, per_hour=1)
    roll_up_due()


def months() -> list[date]:
    return list(sources_of(QUARTER, "default").months)


def of_days(period: Period = QUARTER, where: Any = None) -> list[dict[Group, Sums]]:
    """The sums by all columns of each table of months. A query by day reads them from the days."""
    found = [sums(period, ["day", *table.dimensions], where if table is CallerMonth else {}) for table in TABLES]
    return [_added_up((group[1:], added) for group, added in each.items()) for each in found]


def of_months(period: Period = QUARTER, where: Any = None) -> list[dict[Group, Sums]]:
    """The same sums, of which those of whole months are read from the months."""
    found = [sums(period, table.dimensions, where if table is CallerMonth else {}) for table in TABLES]
    return [_added_up(each.items()) for each in found]


def _added_up(groups: Any) -> dict[Group, Sums]:
    """MariaDB ignores case: there a group has the name of any of its rows."""
    found: dict[Group, Sums] = {}
    for group, more in groups:
        folded = tuple(each.casefold() if isinstance(each, str) else each for each in group)
        name = folded if connection.vendor == "mysql" else group
        found[name] = found.get(name, Sums()) + more
    return found


@pytest.mark.parametrize("zone", ["UTC", "Europe/Vienna", "America/New_York", "Pacific/Auckland"])
@pytest.mark.parametrize("where", [{}, {"account": "acme"}, {"user_id": None}, {"key_id": ["1", "2"]}], ids=str)
def test_sums_are_those_of_the_days(configure: Any, zone: str, where: Any) -> None:
    configure(BILLING_TIME_ZONE=zone)  # each of them has a change of time in March or April
    filled()
    assert months() == [MARCH]
    found = of_months(where=where)
    assert found == of_days(where=where)
    assert all(found)


@pytest.mark.parametrize(
    ("by", "where", "table"),
    [
        (["key_id"], {}, "callermonth"),
        ([], {"account": "acme"}, "callermonth"),
        (["model"], {}, "targetmonth"),
        ([], {}, "targetmonth"),
        (["day"], {}, "targetday"),
        (["day", "key_id"], {}, "callerday"),
        (["key_id"], {"model": "small"}, "usageday"),
    ],
)
def test_whole_month_is_read_from_one_table(by: list[str], where: Any, table: str) -> None:
    filled()
    with CaptureQueriesContext(connection) as captured:
        sums(Period(MARCH, date(2026, 3, 31)), by, where)
    assert re.findall("FROM .threadless_reports_([a-z]+(?:day|month))", str([each["sql"] for each in captured])) == [
        table
    ]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2026-03-01", "2026-03-31", [MARCH]),
        ("2026-03-02", "2026-04-09", []),
        ("2026-02-28", "2026-03-30", []),
        ("2026-02-01", "2026-03-31", [FEBRUARY, MARCH]),
        ("2026-03-01", "2026-04-30", [MARCH]),
        ("2025-01-01", "2025-12-31", []),
    ],
)
def test_only_whole_months_are_read(first: str, last: str, expected: list[date]) -> None:
    filled()
    period = Period(date.fromisoformat(first), date.fromisoformat(last))
    assert sources_of(period, "default").months == expected
    assert of_months(period) == of_days(period)


def test_month_waits_until_all_its_days_are_settled() -> None:
    with time_machine.travel(datetime(2026, 3, 31, 23, 59, tzinfo=UTC)) as clock:
        at("2026-03-31T12:00:00+00:00")
        roll_up_due()
        clock.move_to(datetime(2026, 4, 1, 0, 10, tzinfo=UTC))
        roll_up_due()
        assert calls_of_months() == [{}, {}]
        clock.move_to(datetime(2026, 4, 1, 0, 40, tzinfo=UTC))
        roll_up_due()
        assert calls_of_months() == [{MARCH: 1}, {MARCH: 1}]


def calls_of_months() -> list[dict[date, int]]:
    return [dict(table._default_manager.values_list("day", "calls")) for table in TABLES]


@pytest.mark.parametrize("table", TABLES)
def test_month_that_is_up_to_date_is_left_alone(table: type[DaySums]) -> None:
    filled()
    rows = table._default_manager.order_by("pk").values_list("pk", flat=True)
    before = list(rows)
    roll_up_due()
    assert list(rows.all()) == before != []


@pytest.mark.django_db(transaction=True)
def test_late_settlement_is_part_of_the_month() -> None:
    record = at("2026-03-20T12:00:00+00:00", state="interrupted", account="late")
    filled()
    DatabaseUsageRecorder().settle(entry_of(record), Outcome(state="completed", cost_nano=7))
    for _before_and_after_the_rollup in range(2):
        assert sums(QUARTER, ["account"], {"account": "late"})[("late",)].cost_nano == 7
        assert of_months() == of_days()
        roll_up_due()
    assert months() == [MARCH]


def test_month_is_not_read_while_a_day_of_it_was_replaced() -> None:
    filled()
    at("2026-03-20T12:00:00+00:00", account="imported")
    roll_up(date(2026, 3, 20))
    assert months() == []
    assert sums(QUARTER, ["account"], {"account": "imported"})[("imported",)].calls == 1
    roll_up_months()
    assert months() == [MARCH]
    assert of_months() == of_days()


def test_command_brings_months_up_to_date() -> None:
    filled()
    at("2026-03-20T12:00:00+00:00")
    call_command("threadless_rollup", "--from", "2026-03-01", "--to", "2026-03-31", stdout=StringIO())
    assert months() == [MARCH]
    assert of_months() == of_days()


def test_month_of_other_zone_is_made_again(configure: Any) -> None:
    filled()
    at("2026-03-31T23:30:00+00:00", account="night")
    configure(BILLING_TIME_ZONE="Europe/Vienna")
    roll_up_due()
    assert months() == [MARCH]
    assert sums(Period(MARCH, date(2026, 3, 31)), ["account"], {"account": "night"}) == {}


def test_purge_keeps_months() -> None:
    filled()
    before = of_months()
    call_command("threadless_purge", "--older-than", "2d", stdout=StringIO())
    roll_up_due()
    assert months() == [MARCH]
    assert of_months() == of_days() == before


def test_month_of_purged_days_can_be_made() -> None:
    fill(datetime(2026, 3, 1, tzinfo=UTC), hours=24 * 31, per_hour=1)
    call_command("threadless_purge", "--older-than", "2d", stdout=StringIO())
    at("2026-04-09T12:00:00+00:00")
    roll_up_due()
    assert months() == [MARCH]
    assert of_months() == of_days()


def test_erasure_removes_person_from_months_and_keeps_sums() -> None:
    filled()
    account, of_other = sums(QUARTER, ["account"]), sums(QUARTER, ["key_id"], {"user_id": 2})
    call_command("threadless_erase", "--user-id", "1", stdout=StringIO())
    assert months() == [MARCH]
    assert (sums(QUARTER, ["account"]), sums(QUARTER, ["key_id"], {"user_id": 2})) == (account, of_other)
    assert of_months() == of_days()
    assert not CallerMonth.objects.filter(user_id=1).exists()
    assert not CallerMonth.objects.filter(key_label__contains="Zoë", digest__startswith="erased").exists()


def test_erased_month_can_be_made_again() -> None:
    filled()
    call_command("threadless_erase", "--user-id", "1", stdout=StringIO())
    before = of_months()
    roll_up(date(2026, 3, 20))
    roll_up_months()
    assert months() == [MARCH]
    assert of_months() == of_days() == before


@pytest.mark.django_db(transaction=True)
def test_upgraded_platform_gets_its_months_by_the_next_rollup() -> None:
    filled()
    go_back("threadless_reports", "0001")
    upgrade("threadless_reports")
    before = of_months()
    assert months() == []
    roll_up_due()
    assert months() == [MARCH]
    assert of_months() == before


def test_month_without_calls_is_made_once() -> None:
    at("2026-02-28T12:00:00+00:00")
    at("2026-04-01T12:00:00+00:00")
    roll_up_due()
    assert months() == [MARCH]
    with CaptureQueriesContext(connection) as captured:
        roll_up_months()
    assert len(captured) == 1


def test_long_range_is_read_by_few_ranges_of_days() -> None:
    filled()
    with CaptureQueriesContext(connection) as captured:
        sums(Period(FEBRUARY + timedelta(days=1), date(2026, 4, 9)), ["key_id"])
    [sql] = [each["sql"] for each in captured if "callerday" in each["sql"]]
    assert sql.count("BETWEEN") == 2


def test_sums_by_day_may_have_those_of_a_month_at_its_first_day() -> None:
    filled()
    found = sums(QUARTER, ["day"], months_are_days=True)
    assert [day for (day,) in found if day.month == MARCH.month] == [MARCH]
    assert added(found.values()) == sums(QUARTER)[()]
