"""Every view of the report has an address."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qsl

import pytest

from threadless.reports.page.selection import parse, period_of
from threadless.reports.queries import Period

TODAY = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("today", date(2026, 3, 31), TODAY),
        ("7d", date(2026, 3, 25), TODAY),
        ("30d", date(2026, 3, 2), TODAY),
        ("month", date(2026, 3, 1), TODAY),
        ("last-month", date(2026, 2, 1), date(2026, 2, 28)),
    ],
)
def test_named_range_has_its_days(name: str, first: date, last: date) -> None:
    assert period_of(name, TODAY) == Period(first, last)


@pytest.mark.parametrize(
    "address",
    [
        {"range": "7d", "by": "key", "measure": "cost", "sort": "name", "model": "small", "user_id": "1"},
        {"since": "2026-03-01", "until": "2026-03-05", "by": "day", "measure": "tokens", "sort": "-cost"},
        {"range": "30d", "by": "model", "measure": "calls", "sort": "-calls", "key_id": ""},
    ],
)
def test_query_string_leads_to_the_same_selection(address: dict[str, str]) -> None:
    selection = parse(address, TODAY)
    assert dict(parse_qsl(selection.query()[1:], keep_blank_values=True)) == address


def test_unknown_choices_become_the_defaults() -> None:
    selection = parse({"range": "5y", "by": "color", "measure": "joy", "sort": "luck"}, TODAY)
    assert selection == parse({}, TODAY)


@pytest.mark.parametrize(
    "address",
    [
        {"since": "yesterday", "until": "2026-03-05"},
        {"since": "2026-03-05", "until": "2026-03-01"},
        {"since": "1026-03-05", "until": "2026-03-01"},
        {"user_id": "nobody"},
    ],
)
def test_invalid_range_and_filter_are_refused(address: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"day|range|user|isoformat"):
        parse(address, TODAY)


def test_filter_is_added_and_removed() -> None:
    selection = parse({"model": "small"}, TODAY)
    assert "key_id=7&" in selection.narrowed("key_id", "7") + "&"
    assert "model=" not in selection.without("model")


def test_day_becomes_the_range() -> None:
    query = parse({"by": "day"}, TODAY).narrowed("day", date(2026, 3, 5))
    assert query.startswith("?since=2026-03-05&until=2026-03-05&by=model")


def test_days_are_sorted_by_date_and_other_groups_by_their_calls() -> None:
    by_day = parse({"by": "day"}, TODAY)
    assert by_day.sort == "name"
    assert "sort=-calls" in by_day.grouped("model")
    assert "sort=name" in parse({"sort": "-cost"}, TODAY).grouped("day")
    assert "sort=-cost" in parse({"sort": "-cost"}, TODAY).grouped("key")
