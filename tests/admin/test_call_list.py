"""The list of calls: every row can be reached, and no page reads the whole ledger."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support.call_list import LIST, START, WANTED, joined, rows_of, walked
from tests.support.factories import make_key, make_record
from threadless.admin.usage import UsageRecordAdmin
from threadless.usage import search
from threadless.usage.models import UsageRecord

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UsageRecordAdmin, "list_per_page", 3)


def make_calls(number: int, **fields: Any) -> list[str]:
    """Calls of one moment and of different ones, newest first."""
    made = [make_record(opened_at=START + timedelta(minutes=each // 2), **fields) for each in range(number)]
    return [record.request_id for record in reversed(made)]


def test_older_pages_reach_every_row_once(admin_client: Client) -> None:
    calls = make_calls(10)
    assert joined(walked(admin_client, "older", admin_client.get(LIST))) == calls


def test_newer_pages_lead_back_to_the_newest_row(admin_client: Client) -> None:
    calls = make_calls(10)
    response = admin_client.get(LIST)
    while url := response.context["cl"].older_url:
        response = admin_client.get(LIST + url)
    assert joined(walked(admin_client, "newer", response)[::-1]) == calls


def test_rows_that_come_meanwhile_do_not_move_the_next_page(admin_client: Client) -> None:
    calls = make_calls(6)
    first = admin_client.get(LIST)
    make_record()
    assert rows_of(admin_client.get(LIST + first.context["cl"].older_url)) == calls[3:]


def test_newest_page_has_no_link_to_newer_calls(admin_client: Client) -> None:
    make_calls(1)
    content = admin_client.get(LIST).content.decode()
    assert "Newer" not in content
    assert "Older" not in content


@pytest.mark.parametrize("direction", ["older", "newer"])
def test_rare_rows_are_reached_by_pages_that_examine_a_bounded_number(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, direction: str
) -> None:
    monkeypatch.setattr(search, "EXAMINED", 4)
    make_calls(5)
    wanted = make_record(opened_at=START - timedelta(days=1), state="failed").request_id
    make_record(opened_at=START - timedelta(days=2))
    pages = walked(admin_client, "older", admin_client.get(LIST, {"state": "failed"}))
    assert (joined(pages), pages[0]) == ([wanted], [])
    if direction == "newer":
        latest = make_record(state="failed").request_id
        last = admin_client.get(LIST, {"state": "failed", "newer": f"{(START - timedelta(days=9)).isoformat()}~1"})
        assert joined(walked(admin_client, "newer", last)[::-1]) == [latest, wanted]


def test_page_that_ends_early_says_how_far_it_has_searched(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "EXAMINED", 2)
    make_calls(5)
    content = admin_client.get(LIST, {"state": "failed"}).content.decode()
    assert "2026-05-01 12:01:00" in content
    assert "Search older calls" in content


@pytest.mark.parametrize("query", ["older=x", "newer=2026-01-01~x", "user=x", "opened_at__gte=never", "account=%00"])
def test_address_without_meaning_leads_to_the_list(admin_client: Client, query: str) -> None:
    assert admin_client.get(f"{LIST}?{query}")["Location"] == f"{LIST}?e=1"


QUERIES: list[dict[str, str]] = [
    *({name: str(value)} for name, value in WANTED.items() if name != "request_id"),
    {},
    {"user": "1"},
    {"since": "2026-05-01", "until": "2026-05-02"},
    {"since": "2026-05-01", "state": "failed"},
    {"key_id": "7", "state": "failed"},
    {"q": "req_wanted"},
    {"q": "CI pipeline"},
    {"q": "nothing of this name"},
    {"older": f"{START.isoformat()}~5"},
    {"newer": f"{START.isoformat()}~5", "state": "failed"},
]


def plan_of(sql: str) -> list[str]:
    """The steps of SQLite's plan."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return [row[3] for row in cursor.fetchall()]


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("query", QUERIES)
def test_no_query_of_the_list_reads_the_whole_ledger(admin_client: Client, query: dict[str, str]) -> None:
    make_key(name="CI pipeline")
    with CaptureQueriesContext(connection) as captured:
        admin_client.get(LIST, query)
    asked = [each["sql"] for each in captured if f'FROM "{UsageRecord._meta.db_table}"' in each["sql"]]
    assert asked
    for sql in asked:
        steps = plan_of(sql)
        scans = [step for step in steps if step.startswith("SCAN threadless_usagerecord")]
        # A scan in the order of an index ends with the rows of one page.
        assert not [step for step in scans if "USING" not in step or "LIMIT" not in sql], (sql, steps)
        assert "USE TEMP B-TREE FOR ORDER BY" not in steps, (sql, steps)


def test_numbers_and_names_of_the_page_are_escaped(admin_client: Client) -> None:
    make_record(key_label="<b>", account="<i>", model="<u>", error_code="<s>")
    content = admin_client.get(LIST).content.decode()
    for text in ("<b>", "<i>", "<u>", "<s>"):
        assert text not in content


def test_export_of_all_rows_holds_those_of_the_search(admin_client: Client) -> None:
    make_record(**WANTED)
    pk = make_record().pk
    data = {"action": "export_csv", "_selected_action": [pk], "select_across": "1"}
    response: Any = admin_client.post(f"{LIST}?q=large", data)
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert [line.split(",")[0] for line in lines[1:-1]] == ["req_wanted"]


def test_list_that_nothing_limits_offers_no_link_to_show_all(admin_client: Client) -> None:
    make_calls(10)
    assert "Show all" not in admin_client.get(LIST).content.decode()


def test_filters_are_named_by_what_they_ask(admin_client: Client) -> None:
    make_record()
    response = admin_client.get(LIST)
    names = [str(spec.title) for spec in response.context["cl"].filter_specs]
    assert {"date", "state", "answer", "who counted the tokens"} <= set(names)
    assert "API usage" in response.content.decode()
