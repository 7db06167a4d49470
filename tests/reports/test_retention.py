"""Sums stay when records are deleted and when a person is erased."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from tests.reports.ledgers import at, fill, named
from threadless.reports.models import CallerDay, Rollup, UsageDay
from threadless.reports.queries import Period, sums, total
from threadless.reports.rollup import mark_changed, roll_up
from threadless.usage.models import UsageRecord

pytestmark = pytest.mark.django_db

MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))


def run(name: str, *arguments: str) -> None:
    call_command(name, *arguments, stdout=StringIO())


def test_purge_keeps_sums_of_days_that_were_never_rolled_up() -> None:
    fill(datetime(2026, 3, 10, tzinfo=UTC), hours=48)
    before = named(sums(MARCH, ["day", "account", "state"]))
    run("threadless_purge", "--older-than", "2d")
    assert not UsageRecord.objects.exists()
    assert named(sums(MARCH, ["day", "account", "state"])) == before


def test_purged_day_is_never_aggregated_again() -> None:
    at("2026-03-10T12:00:00+00:00", cost_nano=5)
    run("threadless_purge", "--older-than", "2d")
    at("2026-03-10T13:00:00+00:00")
    mark_changed(date(2026, 3, 10), "default")
    run("threadless_rollup", "--from", "2026-03-10", "--to", "2026-03-10")
    assert (total(MARCH).cost_nano, total(MARCH).calls) == (5, 1)
    assert Rollup.objects.get(day=date(2026, 3, 10)).is_purged


@pytest.mark.parametrize("table", [UsageDay, CallerDay])
def test_erasure_removes_person_from_sums_and_keeps_them(table: Any) -> None:
    fill(datetime(2026, 3, 10, tzinfo=UTC), hours=24)
    roll_up(date(2026, 3, 10))
    before, of_other = named(sums(MARCH, table.dimensions[:1])), total(MARCH, {"user_id": 2})
    run("threadless_erase", "--user-id", "1")
    rows = table._default_manager
    assert not rows.filter(user_id=1).exists()
    assert (named(sums(MARCH, table.dimensions[:1])), total(MARCH, {"user_id": 2})) == (before, of_other)
    assert not rows.filter(key_label__contains="Zoë", digest__startswith="erased").exists()


def test_erased_day_can_be_aggregated_again() -> None:
    fill(datetime(2026, 3, 10, tzinfo=UTC), hours=24)
    roll_up(date(2026, 3, 10))
    run("threadless_erase", "--user-id", "1")
    before = named(sums(MARCH, ["account", "model"]))
    roll_up(date(2026, 3, 10))
    assert named(sums(MARCH, ["account", "model"])) == before
