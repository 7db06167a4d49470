"""`GET usage`: sums of days and hours in the format of the OpenAI API."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from tests.reports.ledgers import at, fill
from tests.support import factories
from tests.support.fixtures import Configure
from threadless.keys.adapters import ModelKeyAdapter
from threadless.keys.models import AbstractAPIKey
from threadless.reports.rollup import roll_up
from threadless.testing import CompletionClient
from threadless.usage.models import UsageRecord

pytestmark = pytest.mark.django_db

DAY = 86_400
START = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp())


class AccountAdapter(ModelKeyAdapter):
    """A host's adapter: the note of a key names its account."""

    def get_caller_fields(self, key: AbstractAPIKey) -> dict[str, Any]:
        return super().get_caller_fields(key) | {"account": key.note}


@pytest.fixture(autouse=True)
def now() -> Any:
    """Noon of 26 November."""
    with time_machine.travel("2026-11-26T12:00:00+00:00", tick=False) as traveller:
        yield traveller


def usage(secret: str, query: str) -> Any:
    """The answer to `GET usage` with this query."""
    return CompletionClient(secret).get(f"/api/v1/usage?{query}")


def calls(secret: str, query: str, *names: str) -> dict[tuple[Any, ...], int]:
    """Number of calls of each bucket and group, by the bucket's number from the start."""
    data = usage(secret, query).json()["data"]
    return {
        (number, *(result[name] for name in names)): result["num_model_requests"]
        for number, bucket in enumerate(data)
        for result in bucket["results"]
    }


def test_answer_has_the_shape_of_the_openai_api() -> None:
    row, secret = factories.make_key()
    counts = {"prompt_tokens": 100, "completion_tokens": 20, "cached_tokens": 30, "reasoning_tokens": 5}
    at("2026-11-20T08:00:00+00:00", key_id=str(row.pk), cost_nano=2_000_000, **counts)
    at("2026-11-20T09:00:00+00:00", key_id=str(row.pk), state="failed", error_code="upstream_error")
    assert usage(secret, f"start_time={START}&end_time={START + 2 * DAY}").json() == {
        "object": "page",
        "data": [
            {
                "object": "bucket",
                "start_time": START,
                "end_time": START + DAY,
                "results": [
                    {
                        "object": "organization.usage.completions.result",
                        "input_tokens": 100,
                        "output_tokens": 20,
                        "input_cached_tokens": 30,
                        "output_reasoning_tokens": 5,
                        "num_model_requests": 2,
                        "num_failed_requests": 1,
                        "cost": 0.002,
                        "project_id": None,
                        "user_id": None,
                        "api_key_id": None,
                        "model": None,
                        "batch": None,
                        "service_tier": None,
                    }
                ],
            },
            {"object": "bucket", "start_time": START + DAY, "end_time": START + 2 * DAY, "results": []},
        ],
        "has_more": False,
        "next_page": None,
        "time_zone": "UTC",
        "currency": "USD",
    }


def test_results_are_grouped_by_model_key_and_user(configure: Configure) -> None:
    configure(KEY_ADAPTER=AccountAdapter)
    row, secret = factories.make_key(note="acme", scopes=["USAGE:READ"])
    for key_id, model, count in (("7", "small", 2), ("7", "large", 1), ("8", "small", 3)):
        for _ in range(count):
            at("2026-11-20T08:00:00+00:00", key_id=key_id, model=model, account="acme", user_id=row.user_id)
    grouped = calls(secret, f"start_time={START}&limit=1&group_by=model,api_key_id", "api_key_id", "model")
    assert grouped == {(0, "7", "small"): 2, (0, "7", "large"): 1, (0, "8", "small"): 3}
    assert calls(secret, f"start_time={START}&limit=1&group_by=user_id", "user_id") == {(0, str(row.user_id)): 6}


@pytest.mark.parametrize("query", ["group_by=model&group_by=api_key_id", "group_by[]=model&group_by[]=api_key_id"])
def test_lists_may_be_written_as_clients_do(query: str) -> None:
    row, secret = factories.make_key()
    at("2026-11-20T08:00:00+00:00", key_id=str(row.pk), model="small")
    found = calls(secret, f"start_time={START}&{query}", "model", "api_key_id")
    assert found == {(0, "small", str(row.pk)): 1}


def test_pages_follow_each_other_without_gaps() -> None:
    row, secret = factories.make_key()
    for day in range(20, 26):
        at(f"2026-11-{day}T23:00:00+00:00", key_id=str(row.pk))
    query, starts = f"start_time={START}&end_time={START + 5 * DAY}&limit=2", []
    page = usage(secret, query).json()
    while True:
        starts += [bucket["start_time"] for bucket in page["data"] if bucket["results"]]
        if not page["has_more"]:
            break
        page = usage(secret, f"{query}&page={page['next_page']}").json()
    assert starts == [START + day * DAY for day in range(5)]
    assert page["next_page"] is None


def test_page_has_seven_days_or_a_day_of_hours_by_default() -> None:
    secret = factories.make_key()[1]
    start = START - 20 * DAY
    pages = [usage(secret, f"start_time={start}&bucket_width={width}").json() for width in ("1d", "1h")]
    assert [(len(page["data"]), page["has_more"]) for page in pages] == [(7, True), (24, True)]


def test_dates_may_be_written_as_dates() -> None:
    row, secret = factories.make_key()
    at("2026-11-21T00:00:00+00:00", key_id=str(row.pk))
    assert calls(secret, "start=2026-11-20&end=2026-11-22") == {(1,): 1}


def test_end_is_not_included() -> None:
    secret = factories.make_key()[1]
    assert len(usage(secret, "start=2026-11-20&end=2026-11-21").json()["data"]) == 1


def test_buckets_cover_whole_days_from_the_middle_of_one() -> None:
    row, secret = factories.make_key()
    at("2026-11-20T08:00:00+00:00", key_id=str(row.pk))
    page = usage(secret, f"start_time={START + DAY // 2}&end_time={START + DAY // 2 + 1}").json()
    assert [(bucket["start_time"], bucket["end_time"]) for bucket in page["data"]] == [(START, START + DAY)]
    assert page["data"][0]["results"][0]["num_model_requests"] == 1


def test_days_of_the_billing_time_zone_have_their_own_length(configure: Configure) -> None:
    configure(BILLING_TIME_ZONE="Europe/Berlin")
    row, secret = factories.make_key()
    at("2026-10-24T22:30:00+00:00", key_id=str(row.pk))  # 00:30 on the 25th, which has 25 hours
    at("2026-10-25T22:30:00+00:00", key_id=str(row.pk))  # 23:30 on the 25th
    page = usage(secret, "start=2026-10-25&end=2026-10-27").json()
    first = page["data"][0]
    assert first["start_time"] == datetime(2026, 10, 25, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    assert first["end_time"] - first["start_time"] == 25 * 3600
    assert (first["results"][0]["num_model_requests"], page["time_zone"]) == (2, "Europe/Berlin")


def test_hours_are_those_of_utc(configure: Configure) -> None:
    configure(BILLING_TIME_ZONE="Europe/Berlin")
    row, secret = factories.make_key()
    for minute in ("08:59", "09:00", "09:59", "11:00"):
        at(f"2026-11-20T{minute}:30+00:00", key_id=str(row.pk), prompt_tokens=10, completion_tokens=1, cost_nano=1)
    query = f"bucket_width=1h&start_time={START + 8 * 3600}&end_time={START + 12 * 3600}"
    assert calls(secret, query) == {(0,): 1, (1,): 2, (3,): 1}
    page = usage(secret, query).json()
    assert page["time_zone"] == "UTC"
    assert [bucket["end_time"] - bucket["start_time"] for bucket in page["data"]] == [3600] * 4
    assert page["data"][1]["results"][0]["input_tokens"] == 20


def test_hours_are_grouped_and_filtered_too() -> None:
    row, secret = factories.make_key()
    for model in ("small", "large", "small"):
        at("2026-11-20T08:00:00+00:00", key_id=str(row.pk), model=model)
    query = f"bucket_width=1h&start_time={START + 8 * 3600}&group_by=model&models=small"
    assert calls(secret, query, "model") == {(0, "small"): 2}


@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_sums_equal_the_rows(is_rolled_up: bool) -> None:
    row, secret = factories.make_key()
    fill(datetime(2026, 11, 20, tzinfo=UTC), hours=48)
    UsageRecord.objects.update(key_id=str(row.pk))
    if is_rolled_up:
        roll_up(date(2026, 11, 20))
        roll_up(date(2026, 11, 21))
    data = usage(secret, "start=2026-11-20&end=2026-11-22&group_by=model").json()["data"]
    results = [result for bucket in data for result in bucket["results"]]
    rows = UsageRecord.objects.all()
    assert sum(each["num_model_requests"] for each in results) == rows.count()
    for name, column in (
        ("input_tokens", "prompt_tokens"),
        ("output_tokens", "completion_tokens"),
        ("input_cached_tokens", "cached_tokens"),
        ("output_reasoning_tokens", "reasoning_tokens"),
    ):
        assert sum(each[name] for each in results) == sum(getattr(each, column) or 0 for each in rows)
    cost = sum(each.cost_nano or 0 for each in rows)
    assert round(sum(each["cost"] or 0 for each in results) * 10**9) == pytest.approx(cost, rel=1e-12)
