"""Rows whose owner must have died are marked, by the database's clock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests.support.factories import entry_of, make_record
from threadless.db.connections import release_connections
from threadless.usage import retries
from threadless.usage.models import UsageRecord
from threadless.usage.recorder import DatabaseUsageRecorder, Outcome
from threadless.usage.sweep import sweep

pytestmark = pytest.mark.django_db


def overdue(**fields: Any) -> UsageRecord:
    return make_record(deadline=timezone.now() - timedelta(seconds=5), **fields)


def test_sweep_marks_open_row_past_deadline() -> None:
    record = overdue()
    assert sweep() == 1
    record.refresh_from_db()
    assert record.state == "interrupted"


def test_sweep_leaves_row_with_time_left() -> None:
    record = make_record(deadline=timezone.now() + timedelta(seconds=30))
    assert sweep() == 0
    record.refresh_from_db()
    assert record.state == "open"


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled", "interrupted"])
def test_sweep_leaves_row_that_is_settled(state: str) -> None:
    record = overdue(state=state)
    assert sweep() == 0
    record.refresh_from_db()
    assert record.state == state


def test_sweep_marks_no_more_than_limit() -> None:
    for _ in range(3):
        overdue()
    assert [sweep(limit=2), sweep(limit=2), sweep(limit=2)] == [2, 1, 0]


def test_sweep_without_overdue_rows_takes_one_query(django_assert_num_queries: Any) -> None:
    make_record()
    with django_assert_num_queries(1):
        sweep()


def test_settle_after_sweep_wins() -> None:
    record = overdue()
    sweep()
    DatabaseUsageRecorder().settle(entry_of(record), Outcome(state="completed"))
    record.refresh_from_db()
    assert record.state == "completed"


@pytest.mark.parametrize(("first", "second"), [("3", "0")])
def test_command_prints_number_and_is_idempotent(first: str, second: str) -> None:
    for _ in range(3):
        overdue()
    outputs = [StringIO(), StringIO()]
    for output in outputs:
        call_command("threadless_sweep", stdout=output)
    assert [output.getvalue().strip() for output in outputs] == [first, second]


def test_command_sweeps_more_than_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    rows = [UsageRecord(opened_at=now, deadline=now - timedelta(days=1), is_stream=False) for _ in range(1001)]
    UsageRecord.objects.bulk_create(rows)
    output = StringIO()
    call_command("threadless_sweep", stdout=output)
    assert output.getvalue().strip() == "1001"


def in_a_thread(work: Callable[[], Any]) -> None:
    """As a worker does it, with its own connection."""
    try:
        work()
    finally:
        release_connections()


@pytest.mark.django_db(transaction=True)
def test_sweeps_beside_settlements_cost_no_outcome() -> None:
    entries = [entry_of(overdue()) for _ in range(60)]
    completed = Outcome(state="completed")
    settlements = [partial(DatabaseUsageRecorder().settle, entry, completed) for entry in entries]
    works = [work for settlement in settlements for work in (settlement, partial(sweep, limit=20))]
    with ThreadPoolExecutor(6) as threads:
        for done in [threads.submit(in_a_thread, work) for work in works]:
            done.result()
    assert retries.drain(20)
    assert set(UsageRecord.objects.values_list("state", flat=True)) == {"completed"}
