"""The query parameters of `GET usage`: those of the OpenAI API, and `start` and `end` as shorter names of two.

https://platform.openai.com/docs/api-reference/usage/completions
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec
from django.http import QueryDict
from django.utils.dateparse import parse_date

from threadless.conf import conf
from threadless.exceptions import InvalidRequest

GROUPS: Final[Mapping[str, str]] = {"model": "model", "api_key_id": "key_id", "user_id": "user_id"}
"""What results can be grouped by: the API's names, and the columns of sums."""
_FILTERS: Final[Mapping[str, str]] = {"models": "model", "api_key_ids": "key_id", "user_ids": "user_id"}
_LIMITS: Final[Mapping[str, tuple[int, int]]] = {"1d": (7, 31), "1h": (24, 168)}
"""Bucket width → number of buckets on a page: the default, and the maximum. 31 days are also as many as
`threadless.reports.queries.sums` reads from the ledger if there is no rollup."""
_KNOWN: Final = {"start_time", "start", "end_time", "end", "bucket_width", "group_by", "limit", "page", *_FILTERS}
_LAST_YEAR: Final = 9000


class UsageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for usage."""

    start: datetime
    end: datetime
    """Not included."""
    width: str
    """"1d" or "1h"."""
    group_by: tuple[str, ...]
    """Keys of `GROUPS`."""
    filters: Mapping[str, list[str]]
    """Column → the values that are asked for."""
    limit: int
    """Maximum number of buckets."""


def usage_query(given: QueryDict) -> UsageQuery:
    """The request in these parameters. Raises `InvalidRequest` with the name of the parameter that is wrong."""
    values = {name.removesuffix("[]"): _items(texts) for name, texts in given.lists()}
    if unknown := sorted(set(values) - _KNOWN):
        raise InvalidRequest(f"Unknown parameter: '{unknown[0]}'.", param=unknown[0], code="unknown_parameter")
    width = _choice("bucket_width", values, _LIMITS, "1d")
    start = _moment(values, "start_time", "start")
    if start is None:
        raise InvalidRequest(
            "Missing required parameter: 'start_time'.", param="start_time", code="missing_required_parameter"
        )
    end = _moment(values, "end_time", "end") or max(datetime.now(UTC), start + timedelta(seconds=1))
    if end <= start:
        raise InvalidRequest("'end_time' must be later than 'start_time'.", param="end_time")
    groups = dict.fromkeys(values.get("group_by", []))
    if wrong := [name for name in groups if name not in GROUPS]:
        raise _invalid("group_by", wrong[0], f"one or more of {_listed(GROUPS)}")
    return UsageQuery(
        start=max(start, _page(values) or start),
        end=end,
        width=width,
        group_by=tuple(groups),
        filters={column: _texts(name, values) for name, column in _FILTERS.items() if name in values},
        limit=_limit(values, width),
    )


def _items(texts: list[Any]) -> list[str]:
    """`a=1&a=2`, `a[]=1&a[]=2` and `a=1,2` are the same list."""
    return [item for text in texts for item in str(text).split(",") if item]


def _one(name: str, values: Mapping[str, list[str]]) -> str | None:
    items = values.get(name, [])
    if len(items) > 1:
        raise InvalidRequest(f"Invalid value for '{name}': more than one value.", param=name)
    return items[0] if items else None


def _texts(name: str, values: Mapping[str, list[str]]) -> list[str]:
    """Values to search for. PostgreSQL refuses a query that contains a NUL character."""
    if wrong := [text for text in values[name] if "\0" in text]:
        raise _invalid(name, wrong[0], "text without NUL characters")
    return values[name]


def _choice(name: str, values: Mapping[str, list[str]], choices: Mapping[str, Any], default: str) -> str:
    text = _one(name, values) or default
    if text not in choices:
        raise _invalid(name, text, f"one of {_listed(choices)}")
    return text


def _moment(values: Mapping[str, list[str]], *names: str) -> datetime | None:
    """A time in Unix seconds, or a date, which means its start in `BILLING_TIME_ZONE`."""
    given = [(name, text) for name in names if (text := _one(name, values)) is not None]
    if not given:
        return None
    name, text = given[0]
    try:
        if text.isascii() and text.isdigit():
            moment = datetime.fromtimestamp(int(text), UTC)
        else:
            moment = _start_of(parse_date(text))
        return _plausible(moment)
    except (ValueError, OverflowError, OSError):
        raise _invalid(name, text, "a time in Unix seconds, or a date such as 2026-11-30") from None


def _start_of(day: date | None) -> datetime:
    if day is None:
        raise ValueError
    return datetime(day.year, day.month, day.day, tzinfo=conf.billing_zone).astimezone(UTC)


def _plausible(moment: datetime) -> datetime:
    """Dates near the last year would overflow when a day is added."""
    if moment.year > _LAST_YEAR:
        raise ValueError
    return moment


def _page(values: Mapping[str, list[str]]) -> datetime | None:
    """`next_page` of the page before: the start of its next bucket."""
    text = _one("page", values)
    if text is None:
        return None
    try:
        return _plausible(datetime.fromtimestamp(int(text.removeprefix("page_")), UTC))
    except (ValueError, OverflowError, OSError):
        raise _invalid("page", text, "the 'next_page' of an earlier answer") from None


def _limit(values: Mapping[str, list[str]], width: str) -> int:
    default, maximum = _LIMITS[width]
    text = _one("limit", values)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= maximum):
        raise _invalid("limit", text, f"a whole number from 1 to {maximum} for buckets of {width}")
    return int(text)


def _invalid(name: str, text: str, expected: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid value for '{name}': {text[:80]!r}. Expected {expected}.", param=name)


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(f"'{name}'" for name in names)
