"""The sums of a day are those of its usage records, also after late settlements and in long and short days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.reports.ledgers import at, fill, named, summed
from tests.support.factories import entry_of, make_opening, make_record
from threadless.conf import conf
from threadless.reports.models import TABLES, CallerDay, DaySums, Rollup, TargetDay, UsageDay
from threadless.reports.queries import Period, sums, total
from threadless.reports.rollup import due_days, roll_up, roll_up_due
from threadless.reports.sums import Sums
from threadless.usage.models import UsageRecord
from threadless.usage.recorder import DatabaseUsageRecorder, Outcome
from threadless.usage.sweep import sweep

pytestmark = pytest.mark.django_db

MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
SOON = datetime(2026, 3, 4, tzinfo=UTC)
"""So that few days are due."""
OCTOBER = Period(date(2026, 10, 1), date(2026, 10, 31))
TOKENS = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "cost_nano", "duration_ms")


@pytest.fixture
def _vienna(configure: Any) -> None:
    configure(BILLING_TIME_ZONE="Europe/Vienna")


def calls_by_day(period: Period) -> dict[date, int]:
    return {day: found.calls for (day,), found in sums(period, ["day"]).items()}


def rolled_up(period: Period) -> None:
    for day in period.days():
        roll_up(day)


@pytest.mark.parametrize("period", [MARCH, OCTOBER], ids=["23 hours", "25 hours"])
@pytest.mark.usefixtures("_vienna")
def test_sums_of_month_with_change_of_time_equal_those_of_records(period: Period) -> None:
    records = fill(datetime.combine(period.first, datetime.min.time(), UTC) - timedelta(hours=24), hours=33 * 24)
    rolled_up(period)
    assert Rollup.objects.filter(is_settled=True).count() == 31
    month = [each for each in records if each.opened_at.astimezone(conf.billing_zone).month == period.first.month]
    found = total(period)
    assert found.calls == len(month)
    assert {name: getattr(found, name) for name in TOKENS} == {name: summed(month, name) for name in TOKENS}


@pytest.mark.usefixtures("_vienna")
@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        ("2026-03-29", "2026-03-28T23:00:00+00:00", "2026-03-29T21:59:59.999999+00:00"),
        ("2026-10-25", "2026-10-24T22:00:00+00:00", "2026-10-25T22:59:59.999999+00:00"),
    ],
)
def test_day_begins_and_ends_at_midnight_of_its_zone(day: str, first: str, last: str) -> None:
    for text in (first, last):
        at(text)
        moment = datetime.fromisoformat(text)
        outside = moment - timedelta(microseconds=1) if text == first else moment + timedelta(microseconds=1)
        at(outside.isoformat())
    assert roll_up(date.fromisoformat(day)) == 2


def test_grouped_sums_are_the_same_from_rollup_and_from_records() -> None:
    fill(datetime(2026, 3, 28, tzinfo=UTC), hours=72)
    period = Period(date(2026, 3, 28), date(2026, 3, 30))
    by = ["day", "model", "account", "user_id", "state"]
    from_records = named(sums(period, by))
    rolled_up(period)
    UsageRecord.objects.all().update(prompt_tokens=None)  # so that the rollup is what is read
    assert named(sums(period, by)) == from_records
    assert len(from_records) > 100


def test_rows_of_an_account_are_written_side_by_side() -> None:
    fill(datetime(2026, 3, 1, tzinfo=UTC), hours=24)
    roll_up(date(2026, 3, 1))
    written = UsageDay.objects.order_by("pk").values_list("account", flat=True)
    accounts = [account.casefold() for account in written]  # as MariaDB compares them
    assert accounts == sorted(accounts, key=accounts.index)


@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_only_the_wanted_sums_are_computed(is_rolled_up: bool) -> None:
    at("2026-03-01T12:00:00+00:00", prompt_tokens=5, completion_tokens=7, first_token_ms=100)
    if is_rolled_up:
        roll_up(date(2026, 3, 1))
    with CaptureQueriesContext(connection) as captured:
        assert sums(MARCH, columns=["prompt_tokens"]) == {(): Sums(calls=1, prompt_tokens=5)}
    assert "completion_tokens" not in captured[-1]["sql"]


@pytest.mark.parametrize("table", TABLES)
def test_each_table_has_the_sums_of_all_calls(table: type[DaySums]) -> None:
    fill(datetime(2026, 3, 1, tzinfo=UTC), hours=24)
    expected = named(sums(MARCH, table.dimensions))
    roll_up(date(2026, 3, 1))
    UsageRecord.objects.all().update(prompt_tokens=None)  # so that the rollup is what is read
    assert named(sums(MARCH, table.dimensions)) == expected
    rows = table._default_manager.values_list(*table.dimensions).distinct()  # MariaDB ignores case here, as in the sums
    assert rows.count() == len(expected)


@pytest.mark.parametrize(
    ("by", "where", "table"),
    [
        (["day", "model"], {"state": "failed"}, TargetDay),
        (["key_id"], {"account": "acme"}, CallerDay),
        (["key_id"], {"model": "small"}, UsageDay),
        ([], {}, TargetDay),
    ],
)
def test_shortest_table_that_has_the_columns_is_read(by: list[str], where: Any, table: type[DaySums]) -> None:
    fill(datetime(2026, 3, 1, tzinfo=UTC), hours=24)
    roll_up(date(2026, 3, 1))
    with CaptureQueriesContext(connection) as captured:
        sums(MARCH, by, where)
    assert connection.ops.quote_name(table._meta.db_table) in captured[-1]["sql"]


def test_rollup_keeps_names_apart_that_differ_in_case() -> None:
    at("2026-03-01T12:00:00+00:00", model="small")
    at("2026-03-01T12:00:00+00:00", model="Small")
    roll_up(date(2026, 3, 1))
    assert sorted(UsageDay.objects.values_list("model", "calls")) == [("Small", 1), ("small", 1)]


def test_repeated_rollup_changes_nothing() -> None:
    fill(datetime(2026, 3, 1, tzinfo=UTC), hours=24)
    columns = [field.attname for field in UsageDay._meta.concrete_fields if field.name != "id"]
    roll_up(date(2026, 3, 1))
    before = sorted(UsageDay.objects.values_list(*columns), key=str)
    roll_up(date(2026, 3, 1))
    assert sorted(UsageDay.objects.values_list(*columns), key=str) == before


@pytest.mark.parametrize(
    ("fields", "unknown"),
    [
        ({"cost_nano": 5, "prompt_tokens": 1}, 0),
        ({"cost_nano": None, "prompt_tokens": 1}, 1),
        ({"cost_nano": None, "state": "failed"}, 0),
        ({"cost_nano": None, "state": "interrupted"}, 1),
    ],
)
def test_calls_of_unknown_cost_are_counted(fields: dict[str, Any], unknown: int) -> None:
    at("2026-03-01T12:00:00+00:00", **fields)
    roll_up(date(2026, 3, 1))
    assert total(MARCH).cost_unknown == unknown


def test_first_token_time_is_found_within_its_bucket() -> None:
    for milliseconds in [90] * 9 + [1_400]:
        at("2026-03-01T12:00:00+00:00", first_token_ms=milliseconds)
    roll_up(date(2026, 3, 1))
    found = total(MARCH)
    assert (found.first_token_ms(0.5), found.first_token_ms(0.95)) == (56, 1_250)


@time_machine.travel(SOON)
def test_day_with_open_call_is_not_settled() -> None:
    record = at("2026-03-01T12:00:00+00:00", state="open")
    roll_up(date(2026, 3, 1))
    assert not Rollup.objects.get().is_settled
    DatabaseUsageRecorder().settle(entry_of(record), Outcome(state="completed"))
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        roll_up_due()
    assert UsageDay.objects.get().state == "completed"


@pytest.mark.parametrize(("minutes", "is_settled"), [(5, False), (30, True)])
def test_day_is_settled_when_no_call_of_it_can_run_any_more(minutes: int, is_settled: bool) -> None:
    at("2026-03-01T12:00:00+00:00")
    with time_machine.travel(datetime(2026, 3, 2, 0, minutes, tzinfo=UTC), tick=False):
        roll_up(date(2026, 3, 1))
    assert Rollup.objects.get().is_settled is is_settled


@pytest.mark.django_db(transaction=True)
@time_machine.travel(SOON)
def test_late_settlement_brings_day_up_to_date() -> None:
    record = at("2026-03-01T12:00:00+00:00", state="open")
    sweep()
    roll_up(date(2026, 3, 1))
    assert Rollup.objects.get().is_settled
    DatabaseUsageRecorder().settle(entry_of(record), Outcome(state="completed", cost_nano=7))
    assert not Rollup.objects.get().is_settled
    roll_up_due()
    assert (total(MARCH).cost_nano, UsageDay.objects.get().state) == (7, "completed")


@pytest.mark.django_db(transaction=True)
def test_ordinary_call_runs_no_query_for_reports() -> None:
    with CaptureQueriesContext(connection) as captured:
        entry = DatabaseUsageRecorder().open(make_opening())
        DatabaseUsageRecorder().settle(entry, Outcome(state="completed"))
    assert len(captured) >= 2
    assert [each["sql"] for each in captured if "threadless_reports" in each["sql"]] == []


@time_machine.travel(SOON)
def test_day_of_other_zone_is_due_again(configure: Any) -> None:
    at("2026-03-01T23:30:00+00:00")
    roll_up(date(2026, 3, 1))
    configure(BILLING_TIME_ZONE="Europe/Vienna")
    assert date(2026, 3, 1) not in [day for day, _ in due_days("default")]  # the first call is one of March 2nd
    roll_up_due()
    assert calls_by_day(Period(date(2026, 3, 2), date(2026, 3, 2))) == {date(2026, 3, 2): 1}


def test_day_of_today_is_aggregated_once_a_minute() -> None:
    def made_at() -> Any:
        roll_up_due()
        return Rollup.objects.order_by("day").values_list("made_at", flat=True)[0]

    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=False) as clock:
        make_record()
        first = made_at()
        clock.shift(59)
        assert made_at() == first
        clock.shift(2)
        assert made_at() == first + timedelta(seconds=61)


def run(*arguments: str) -> list[str]:
    output = StringIO()
    call_command("threadless_rollup", *arguments, stdout=output)
    return output.getvalue().splitlines()


def test_command_aggregates_each_missing_day_once() -> None:
    with time_machine.travel(datetime(2026, 3, 4, 1, tzinfo=UTC)):
        at("2026-03-01T12:00:00+00:00")
        at("2026-03-03T12:00:00+00:00")
        assert run() == ["2026-03-04 0", "2026-03-03 1", "2026-03-02 0", "2026-03-01 1"]
        assert run() == ["2026-03-04 0"]


def test_command_aggregates_range_again() -> None:
    at("2026-03-01T12:00:00+00:00")
    assert run("--from", "2026-03-01", "--to", "2026-03-02") == ["2026-03-01 1", "2026-03-02 0"]
    at("2026-03-01T13:00:00+00:00")
    assert run("--from", "2026-03-01", "--to", "2026-03-01") == ["2026-03-01 2"]


def test_command_refuses_range_that_ends_before_it_begins() -> None:
    with pytest.raises(CommandError, match="--from must not be after --to"):
        run("--from", "2026-03-02", "--to", "2026-03-01")
