"""Filters and search of the list of calls."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from tests.support.call_list import LIST, START, WANTED, joined, listed, rows_of, walked
from tests.support.factories import make_key, make_record, make_user
from threadless.admin.usage import UsageRecordAdmin

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UsageRecordAdmin, "list_per_page", 3)


@pytest.mark.parametrize(
    "query",
    [{name: str(value) if value is not True else "1"} for name, value in WANTED.items() if name != "request_id"]
    + [{"state__exact": "failed"}, {"model__exact": "large"}, {"key_id": "8", "state": "failed", "account": "acme"}],
)
def test_filter_finds_call(admin_client: Client, query: dict[str, str]) -> None:
    make_record(**WANTED)
    make_record()
    assert listed(admin_client, **query) == ["req_wanted"]


def test_filter_by_user_is_shown_by_name(admin_client: Client, user: Any) -> None:
    make_record(user_id=user.pk, request_id="req_wanted")
    make_record()
    response = admin_client.get(LIST, {"user": str(user.pk)})
    assert rows_of(response) == ["req_wanted"]
    [spec] = [spec for spec in response.context["cl"].filter_specs if spec.title == "user"]
    assert spec.lookup_choices == [(str(user.pk), "alice")]


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({"since": "2026-05-02", "until": "2026-05-02"}, [2]),
        ({"since": "2026-05-02"}, [3, 2]),
        ({"until": "2026-05-02"}, [2, 1]),
        ({"since": "nonsense", "until": ""}, [3, 2, 1]),
        ({"opened_at__gte": "2026-05-02T00:00Z", "opened_at__lt": "2026-05-03T00:00Z"}, [2]),
        ({"since": "2026-05-02", "state": "open"}, [3, 2]),
    ],
)
def test_range_of_dates_holds_its_first_and_last_day(
    admin_client: Client, query: dict[str, str], days: list[int]
) -> None:
    for day in (1, 2, 3):
        make_record(opened_at=datetime(2026, 5, day, 23, 59, 59, tzinfo=UTC))
    rows = admin_client.get(LIST, query).context["cl"].result_list
    assert [row.opened_at.day for row in rows] == days


def test_days_are_those_of_the_time_zone_of_the_platform(admin_client: Client, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    make_record(opened_at=datetime(2026, 5, 1, 16, tzinfo=UTC), request_id="req_wanted")
    assert listed(admin_client, since="2026-05-02", until="2026-05-02") == ["req_wanted"]


def test_range_can_be_moved_by_its_length(admin_client: Client) -> None:
    response = admin_client.get(LIST, {"since": "2026-05-03", "until": "2026-05-04", "state": "failed"})
    content = response.content.decode()
    for since, until in (("2026-05-01", "2026-05-02"), ("2026-05-05", "2026-05-06")):
        assert escape(f"?since={since}&state=failed&until={until}") in content


def test_cells_lead_to_the_list_limited_to_them(admin_client: Client, user: Any) -> None:
    make_record(**WANTED, user_id=user.pk)
    make_record()
    content = admin_client.get(LIST).content.decode()
    for query in (f"user={user.pk}", "key_id=8", "account=acme", "model=large", "error_code=too_long"):
        assert f'href="{LIST}?{query}"' in content
        assert listed(admin_client, **dict([query.split("=")])) == ["req_wanted"]


def test_time_is_shown_with_date_and_zone(admin_client: Client, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    make_record(opened_at=START)
    content = admin_client.get(LIST).content.decode()
    assert "2026-05-01<br>14:00:00" in content
    assert "hen (Europe/Berlin)" in content
    assert 'datetime="2026-05-01T14:00:00+02:00"' in content


@pytest.mark.parametrize("term", ["CI pipeline", "  ci Pipeline ", "pipeline"])
def test_search_finds_calls_by_name_of_key(admin_client: Client, term: str) -> None:
    key, _ = make_key(name="CI pipeline")
    make_record(key_id=str(key.pk), key_label="CI pipeline", request_id="req_wanted")
    make_record(key_id="0")
    assert listed(admin_client, q=term) == ["req_wanted"]


def test_search_for_whole_name_leaves_out_longer_names(admin_client: Client) -> None:
    for name in ("CI", "CI pipeline"):
        make_record(key_id=str(make_key(name=name)[0].pk), request_id=name)
    assert listed(admin_client, q="ci") == ["CI"]


@pytest.mark.parametrize("term", ["req_wanted", "bob", "bo", "large", "acme"])
def test_search_finds_calls_by(admin_client: Client, term: str) -> None:
    make_record(**WANTED, user_id=make_user("bob").pk)
    make_record()
    assert listed(admin_client, q=term) == ["req_wanted"]


def test_search_for_many_keys_finds_their_calls_in_order(admin_client: Client) -> None:
    keys = [str(make_key(name=f"laptop {number}")[0].pk) for number in range(3)]
    calls = [make_record(key_id=keys[number % 3]).request_id for number in range(8)]
    assert joined(walked(admin_client, "older", admin_client.get(LIST, {"q": "laptop"}))) == calls[::-1]


def test_search_for_more_keys_than_can_be_looked_up_finds_their_calls(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threadless.admin.usage_search._MAX_LEADS", 1)
    for number in range(2):
        make_record(key_id=str(make_key(name=f"laptop {number}")[0].pk), key_label=f"laptop {number}")
    assert len(listed(admin_client, q="laptop")) == 2


def test_search_finds_calls_of_key_that_was_deleted(admin_client: Client) -> None:
    make_record(key_id="999", key_label="Old one", request_id="req_wanted")
    make_record()
    assert listed(admin_client, q="old one") == ["req_wanted"]


def test_search_within_filter(admin_client: Client) -> None:
    make_record(**WANTED)
    make_record(model="large", state="completed")
    assert listed(admin_client, q="large", state="failed") == ["req_wanted"]


def test_filter_offers_the_models_of_the_ledger(admin_client: Client) -> None:
    for model in ("b", "a", "c", "a"):
        make_record(model=model)
    [spec] = [each for each in admin_client.get(LIST).context["cl"].filter_specs if each.title == "model"]
    assert [value for value, _ in spec.lookup_choices] == ["a", "b", "c"]


def test_models_are_called_by_the_names_that_the_reader_may_see(admin_client: Client, configure: Any) -> None:
    configure(MODELS={"agent_1": {"model": "m", "name": "Guide"}}, SCOPE_PERMISSIONS={"CHATS:WRITE": "threadless.x"})
    make_record(model="agent_1")
    content = admin_client.get(LIST).content.decode()
    assert re.search(r'title="agent_1">Guide</a>', content)


def test_names_of_models_are_not_needed(admin_client: Client, configure: Any) -> None:
    configure(RESOLVER="tests.api.test_pages.Broken")
    make_record(model="agent_1")
    assert "agent_1" in admin_client.get(LIST).content.decode()
