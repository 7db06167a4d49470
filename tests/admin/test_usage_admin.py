"""The ledger can be read by the staff, at any size, and written by nobody."""

from __future__ import annotations

import csv
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from tests.support.factories import make_record, make_user
from threadless.usage.models import UsageRecord

pytestmark = pytest.mark.django_db

LIST = "/admin/threadless/usagerecord/"


def listed(client: Client, **query: str) -> list[str]:
    return [record.request_id for record in client.get(LIST, query).context["cl"].result_list]


@pytest.mark.parametrize("path", ["add/", "{pk}/delete/"])
def test_rows_cannot_be_added_or_deleted(admin_client: Client, path: str) -> None:
    record = make_record()
    assert admin_client.post(LIST + path.format(pk=record.pk), {"post": "yes"}).status_code == 403


def test_rows_cannot_be_changed(admin_client: Client) -> None:
    record = make_record()
    assert admin_client.get(f"{LIST}{record.pk}/change/").status_code == 200
    assert admin_client.post(f"{LIST}{record.pk}/change/", {"state": "completed"}).status_code == 403


def test_list_shows_call(admin_client: Client, user: Any) -> None:
    make_record(
        user_id=user.pk, request_id="req_1", state="completed", http_status=200, usage_source="upstream",
        prompt_tokens=1234, completion_tokens=56, first_token_ms=412, duration_ms=5012,
    )  # fmt: skip
    content = admin_client.get(LIST).content.decode()
    for text in ("req_1", "laptop", "alice", "small", "completed", "1,234 / 56", "0.41 s", "5.01 s"):
        assert text in content


def test_list_shows_open_call_without_numbers(admin_client: Client) -> None:
    make_record(key_id="", key_label="")
    content = admin_client.get(LIST).content.decode()
    assert "(session)" in content
    assert "None" not in content


def test_list_marks_estimated_tokens(admin_client: Client) -> None:
    make_record(prompt_tokens=8, completion_tokens=4, usage_source="estimated")
    assert "≈ 8 / 4" in admin_client.get(LIST).content.decode()


def test_row_of_deleted_user_shows_raw_id(admin_client: Client) -> None:
    gone = make_user()
    record = make_record(user_id=gone.pk)
    get_user_model().objects.filter(pk=gone.pk).delete()
    for url in (LIST, f"{LIST}{record.pk}/change/"):
        assert f"#{gone.pk}" in admin_client.get(url).content.decode()


def test_list_takes_as_many_queries_for_many_rows_as_for_one(
    admin_client: Client, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    make_record(user_id=make_user().pk)
    with django_assert_max_num_queries(10) as one:
        admin_client.get(LIST)
    for _ in range(20):
        make_record(user_id=make_user().pk)
    with django_assert_num_queries(len(one)):
        admin_client.get(LIST)


def test_list_begins_with_latest_call(admin_client: Client) -> None:
    first, second = make_record(), make_record()
    assert listed(admin_client) == [second.request_id, first.request_id]


def export(client: Client, *records: UsageRecord) -> list[dict[str, str]]:
    data = {"action": "export_csv", "_selected_action": [record.pk for record in records]}
    response: Any = client.post(LIST, data)
    *lines, end = b"".join(response.streaming_content).decode().splitlines()
    assert end == f"# end, {len(records)} rows"
    return list(csv.DictReader(lines))


def test_export_holds_selected_rows_only(admin_client: Client) -> None:
    wanted, _ = make_record(prompt_tokens=5), make_record()
    [row] = export(admin_client, wanted)
    assert (row["request_id"], row["prompt_tokens"], row["completion_tokens"]) == (wanted.request_id, "5", "")


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)"])
def test_export_disarms_formulas(admin_client: Client, name: str) -> None:
    [row] = export(admin_client, make_record(key_label=name))
    assert row["key_label"] == f"'{name}"


def test_staff_without_permission_see_no_rows() -> None:
    client = Client()
    client.force_login(make_user(is_staff=True))
    assert client.get(LIST).status_code == 403


def test_staff_with_permission_to_view_see_rows() -> None:
    client = Client()
    client.force_login(make_user(permissions=("view_usagerecord",), is_staff=True))
    make_record()
    assert len(listed(client)) == 1
