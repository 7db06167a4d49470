"""No query reads the whole ledger: the plans of SQLite, PostgreSQL and MariaDB have a bound for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from tests.reports.ledgers import at, fill
from tests.support.factories import make_key, make_user
from tests.support.plans import TABLE, whole_reads
from threadless.reports.rollup import due_days, roll_up
from threadless.usage import search
from threadless.usage.purge import purge
from threadless.usage.sweep import sweep

# ANALYZE ends the transaction of a test on MariaDB, so the rows must be deleted.
pytestmark = pytest.mark.django_db(transaction=connection.vendor == "mysql")

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(days=10)
EXAMINED = 50
CALLS = "/admin/threadless/usagerecord/"
REPORT = "/admin/threadless_reports/usageday/"
RARE = {"key_id": "rare-key", "user": "77", "account": "rare-account", "model": "rare-model"}
"""Values of one record: where a database that guesses wrongly would search longest."""


@pytest.fixture(autouse=True)
def _large_ledger(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """So many records that reading all of them is the worst plan, with the statistics of the database up to date."""
    monkeypatch.setattr(search, "EXAMINED", EXAMINED)
    with time_machine.travel(NOW, tick=False):
        fill(START, hours=24 * 10, per_hour=15)
        at("2026-03-02T12:00:00+00:00", **{"user_id" if name == "user" else name: each for name, each in RARE.items()})
        for day in range(9):
            roll_up((START + timedelta(days=day)).date())
        with connection.cursor() as cursor:
            analyze = {"mysql": f"ANALYZE TABLE {TABLE} PERSISTENT FOR ALL", "postgresql": f"ANALYZE {TABLE}"}
            cursor.execute(analyze.get(connection.vendor, "ANALYZE"))
            if connection.vendor == "postgresql":
                cursor.execute("SET LOCAL enable_seqscan = off")  # a table of this size is cheap to read
        yield


@pytest.mark.parametrize(
    "query",
    [
        {},
        *({name: value} for name, value in RARE.items()),
        {"state": "failed"},
        {"error_code": "none"},
        {"is_stream": "1"},
        {"since": "2026-03-03", "until": "2026-03-03"},
        {"since": "2026-03-03", "state": "failed"},
        {**RARE, "state": "failed"},
        {"older": "2026-03-06T00:00:00+00:00~5"},
        {"newer": "2026-03-06T00:00:00+00:00~5", "state": "failed"},
        *({"q": term} for term in ("req_none", "rare-model", "rare-account", "CI pipeline", "no such name")),
    ],
    ids=str,
)
def test_list_of_calls(admin_client: Client, query: dict[str, str]) -> None:
    make_key(id=1_000_000, name="CI pipeline")  # the ledger has many calls of the keys 0 to 4
    assert whole_reads(lambda: admin_client.get(CALLS, query), 2 * EXAMINED) == []


@pytest.mark.parametrize("by", ["model", "key", "user", "account", "error", "operation", "day"])
def test_report(admin_client: Client, by: str) -> None:
    query = {"since": "2026-03-01", "until": "2026-03-10", "by": by}
    assert whole_reads(lambda: admin_client.get(REPORT, query), EXAMINED) == []


@pytest.mark.parametrize("path", ["key", "usage?start=2026-03-08", "usage?start=2026-03-10&bucket_width=1h"])
def test_answers_to_the_owner_of_a_key(client: Client, path: str) -> None:
    _, secret = make_key()
    headers: Any = {"Authorization": f"Bearer {secret}"}
    assert whole_reads(lambda: client.get(f"/api/v1/{path}", headers=headers), EXAMINED) == []


@pytest.mark.urls("tests.self_service.urls")
def test_pages_of_a_customer(client: Client) -> None:
    client.force_login(make_user())
    assert whole_reads(lambda: client.get("/account/api/usage/"), EXAMINED) == []


def test_upkeep() -> None:
    at("2026-03-02T12:00:00+00:00", state="open")
    assert whole_reads(sweep, EXAMINED) == []
    assert whole_reads(lambda: due_days("default"), EXAMINED) == []
    assert whole_reads(lambda: roll_up(START.date()), EXAMINED) == []
    assert whole_reads(lambda: next(purge(8)), EXAMINED) == []
