"""The chart of the report, by the numbers in its table."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.test import Client

from tests.reports.ledgers import at
from tests.reports.pages import rows, show
from threadless.reports.rollup import roll_up, roll_up_months

pytestmark = pytest.mark.django_db


def test_chart_has_its_numbers_in_a_table(admin_client: Client) -> None:
    at("2026-03-05T12:00:00+00:00", model="small")
    at("2026-03-05T13:00:00+00:00", model="large")
    numbers = rows(show(admin_client), "chart-title")
    assert numbers[0] == ["Day", "large", "small", "Total"]
    assert numbers[5] == ["2026-03-05", "1", "1", "2"]
    assert numbers[6] == ["2026-03-06", "0", "0", "0"]


@pytest.mark.parametrize(
    ("measure", "texts"),
    [("calls", ["1", "1", "2"]), ("tokens", ["30", "7", "37"]), ("cost", ["2.00 USD", "1.50 USD", "3.50 USD"])],
)
@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_chart_shows_what_is_chosen(admin_client: Client, measure: str, texts: list[str], is_rolled_up: bool) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 20, "cost_nano": 2 * 10**9}
    at("2026-03-05T12:00:00+00:00", key_id="7", model="small", **usage)
    at("2026-03-05T13:00:00+00:00", key_id="8", prompt_tokens=5, completion_tokens=2, cost_nano=15 * 10**8)
    if is_rolled_up:
        roll_up(date(2026, 3, 5))
    content = show(admin_client, by="key", measure=measure, sort="-cost")
    assert sorted(rows(content, "chart-title")[5][1:]) == sorted(texts)


def test_chart_of_a_long_range_has_weeks(admin_client: Client) -> None:
    at("2026-03-05T12:00:00+00:00", model="small")
    at("2026-03-07T13:00:00+00:00", model="small")
    content = show(admin_client, since="2026-03-01", until="2026-06-01")
    numbers = rows(content, "chart-title")
    assert numbers[:2] == [["Week from", "small", "Total"], ["2026-03-01", "2", "2"]]
    assert (len(numbers), numbers[-1]) == (1 + 14, ["2026-05-31", "0", "0"])
    assert "since=2026-03-01&amp;until=2026-03-07" in content


@pytest.mark.parametrize("is_rolled_up", [False, True])
@pytest.mark.parametrize("by", ["model", "day"])
def test_chart_of_a_year_has_months(admin_client: Client, by: str, is_rolled_up: bool) -> None:
    for day in ("2026-03-05", "2026-03-20", "2026-04-01", "2026-04-03"):
        at(f"{day}T12:00:00+00:00", model="small")
    at("2026-03-06T12:00:00+00:00", model="large")
    if is_rolled_up:
        for number in range(30):
            roll_up(date(2026, 3, 5) + timedelta(days=number))
        roll_up_months()
    content = show(admin_client, since="2026-03-05", until="2026-09-05", by=by)
    numbers = rows(content, "chart-title")
    assert numbers[:3] == [["Month", "small", "large", "Total"], ["2026-03", "2", "1", "3"], ["2026-04", "2", "0", "2"]]
    assert (len(numbers), numbers[-1]) == (1 + 7, ["2026-09", "0", "0", "0"])
    assert "since=2026-03-05&amp;until=2026-03-31" in content
