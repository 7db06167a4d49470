"""Wrong query parameters are a 400 that names the parameter."""

from __future__ import annotations

from contextlib import suppress

import pytest
import time_machine
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from tests.support import factories
from threadless.exceptions import InvalidRequest
from threadless.self_service.parameters import usage_query
from threadless.testing import CompletionClient

OK = "start_time=1795694400"


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("", "start_time"),
        ("start_time=", "start_time"),
        ("start_time=yesterday", "start_time"),
        ("start=2026-13-01", "start"),
        ("start_time=-1", "start_time"),
        ("start_time=1.5", "start_time"),
        ("start_time=99999999999999999999", "start_time"),
        ("start_time=1&start_time=2", "start_time"),
        (f"{OK}&end_time=1795694400", "end_time"),
        (f"{OK}&end=2026-11-01", "end_time"),
        (f"{OK}&end=9999-12-31", "end"),
        (f"{OK}&bucket_width=1m", "bucket_width"),
        (f"{OK}&group_by=project_id", "group_by"),
        (f"{OK}&group_by=model,day", "group_by"),
        (f"{OK}&limit=0", "limit"),
        (f"{OK}&limit=32", "limit"),
        (f"{OK}&limit=169&bucket_width=1h", "limit"),
        (f"{OK}&limit=many", "limit"),
        (f"{OK}&limit=٣", "limit"),
        (f"{OK}&page=x", "page"),
        (f"{OK}&page=page_99999999999999999999", "page"),
        (f"{OK}&models=small,%00", "models"),
        (f"{OK}&api_key_ids=%00", "api_key_ids"),
        (f"{OK}&user_ids=%00", "user_ids"),
        (f"{OK}&color=red", "color"),
    ],
)
@pytest.mark.django_db
def test_wrong_parameter_is_named(query: str, param: str) -> None:
    response = CompletionClient(factories.make_key()[1]).get(f"/api/v1/usage?{query}")
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert param in error["message"] or param == "end"


TEXTS = (
    st.text(max_size=30) | st.integers().map(str) | st.dates().map(str) | st.integers(0, 2**62).map("page_{}".format)
)
NAMES = st.sampled_from(
    ["start_time", "start", "end_time", "end", "bucket_width", "group_by", "limit", "page", "models"]
)


@given(st.dictionaries(NAMES, st.lists(TEXTS, max_size=2), max_size=5), st.booleans())
def test_any_parameters_are_a_query_or_an_error_of_ours(given: dict[str, list[str]], has_start: bool) -> None:
    query = QueryDict(mutable=True)
    for name, values in (given | ({"start_time": ["1795694400"]} if has_start else {})).items():
        query.setlist(name, values)
    with suppress(InvalidRequest):  # any other exception would be a 500
        assert usage_query(query).limit > 0


def test_page_before_the_start_does_not_widen_the_range() -> None:
    found = usage_query(QueryDict(f"{OK}&page=page_0"))
    assert found.start.timestamp() == 1795694400


def test_start_in_the_future_is_one_bucket() -> None:
    with time_machine.travel(1795694400 - 10):
        found = usage_query(QueryDict(OK))
    assert (found.end - found.start).total_seconds() == 1
