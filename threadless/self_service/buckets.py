"""The answer of `GET usage`: sums of days or hours, in the format of the OpenAI API's `organization/usage/completions`.

Days are those of `BILLING_TIME_ZONE`, hours those of UTC. A bucket always covers its whole day or hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone

from threadless.conf import conf
from threadless.exceptions import InsufficientScope
from threadless.reports.queries import Period, sums
from threadless.reports.sums import Sums
from threadless.self_service.access import ACCOUNT_SCOPE, may_read_account, readable_calls
from threadless.self_service.hours import sums_of_hours
from threadless.self_service.money import cost_of
from threadless.self_service.parameters import GROUPS, UsageQuery
from threadless.types import Caller, JSONObject
from threadless.usage.days import day_of, start_of_day

_HOUR = timedelta(hours=1)

Bucket = tuple[datetime, datetime]
"""The start of a bucket and its end, which is the start of the next."""
Found = Mapping[tuple[Any, ...], Sums]
"""The sums of each group. A group begins with the start of its bucket."""


def page_of(query: UsageQuery, caller: Caller) -> JSONObject:
    """One page of buckets. Raises `InsufficientScope` if other keys are asked for and the caller may not read them."""
    where = _selection(query, caller)
    buckets = _days(query) if query.width == "1d" else _hours(query)
    shown = list(islice(buckets, query.limit))
    following = next(buckets, None)
    found = _sums(query, shown, where)
    return {
        "object": "page",
        "data": [_bucket(bucket, found, query.group_by) for bucket in shown],
        "has_more": following is not None,
        "next_page": None if following is None else f"page_{int(following[0].timestamp())}",
        "time_zone": str(conf.billing_zone) if query.width == "1d" else "UTC",
        "currency": conf.currency,
    }


def _selection(query: UsageQuery, caller: Caller) -> dict[str, Any]:
    """The calls that are asked for and that the caller may read."""
    where = readable_calls(caller)
    for column, values in query.filters.items():
        mine = where.get(column)
        if mine is not None and set(values) != {str(mine)} and not may_read_account(caller):
            raise InsufficientScope(
                f"To read the usage of other keys, a key needs the scope {ACCOUNT_SCOPE.name}.",
                param="user_ids" if column == "user_id" else "api_key_ids",
            )
        if mine is None:
            where[column] = _user_ids(values) if column == "user_id" else values
        elif str(mine) not in values:
            where[column] = []
    return where


def _user_ids(values: Sequence[str]) -> list[Any]:
    """Primary keys of users. What cannot be one selects nobody."""
    field: Any = get_user_model()._meta.pk
    found = []
    for value in values:
        try:
            found.append(field.to_python(value))
        except ValidationError:
            continue
    return found


def _days(query: UsageQuery) -> Iterator[Bucket]:
    day, end = day_of(query.start), query.end
    while (start := _aware(start_of_day(day))) < end:
        day += timedelta(days=1)
        yield start, _aware(start_of_day(day))


def _hours(query: UsageQuery) -> Iterator[Bucket]:
    start = query.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while start < query.end:
        yield start, start + _HOUR
        start += _HOUR


def _sums(query: UsageQuery, buckets: Sequence[Bucket], where: Mapping[str, Any]) -> Found:
    by = [GROUPS[name] for name in query.group_by]
    first, last = buckets[0][0], buckets[-1][0]
    if query.width == "1h":
        return sums_of_hours(first, last + _HOUR, by, where)
    found = sums(Period(day_of(first), day_of(last)), ["day", *by], where)
    return {(_start_of(group[0]), *group[1:]): each for group, each in found.items()}


def _start_of(day: date) -> datetime:
    return _aware(start_of_day(day))


def _aware(moment: datetime) -> datetime:
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


def _bucket(bucket: Bucket, found: Found, names: Sequence[str]) -> JSONObject:
    start, end = bucket
    groups = sorted((group for group in found if group[0] == start), key=str)
    return {
        "object": "bucket",
        "start_time": int(start.timestamp()),
        "end_time": int(end.timestamp()),
        "results": [_result(dict(zip(names, group[1:], strict=True)), found[group]) for group in groups],
    }


def _result(group: Mapping[str, Any], found: Sums) -> JSONObject:
    user_id = group.get("user_id")
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": found.prompt_tokens,
        "output_tokens": found.completion_tokens,
        "input_cached_tokens": found.cached_tokens,
        "output_reasoning_tokens": found.reasoning_tokens,
        "num_model_requests": found.calls,
        "num_failed_requests": found.failed,
        "cost": cost_of(found),
        "project_id": None,
        "user_id": None if user_id is None else str(user_id),
        "api_key_id": group.get("api_key_id"),
        "model": group.get("model"),
        "batch": None,
        "service_tier": None,
    }
