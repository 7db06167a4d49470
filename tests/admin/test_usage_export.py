"""The admin exports all calls of a list, without a limit."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client
from django.urls import reverse

from tests.support.factories import make_record, make_user
from threadless.db.connections import release_connections

pytestmark = pytest.mark.django_db


def url(ending: str, query: str = "") -> str:
    return reverse("admin:threadless_usagerecord_export", args=[ending]) + query


def lines(response: Any) -> list[str]:
    return b"".join(response.streaming_content).decode().splitlines()


def test_export_holds_all_calls_that_match_the_filters(admin_client: Client) -> None:
    make_record(request_id="wanted", state="failed", model="large")
    make_record(state="completed", model="large")
    make_record(state="failed")
    _header, row, end = lines(admin_client.get(url("csv", "?state=failed&model=large")))
    assert (row.split(",")[0], end) == ("wanted", "# end, 1 rows")


def test_export_is_named_by_its_filters(admin_client: Client) -> None:
    query = "?opened_at__gte=2026-05-01T00:00:00Z&opened_at__lt=2026-06-01T00:00:00Z&key_id=7"
    response = admin_client.get(url("jsonl", query))
    assert response["Content-Disposition"] == 'attachment; filename="usage_2026-05-01_2026-05-31_key-id-7.jsonl"'


def test_export_as_json_lines(admin_client: Client) -> None:
    make_record(opened_at=datetime(2026, 5, 1, tzinfo=UTC), prompt_tokens=5)
    row, end = map(json.loads, lines(admin_client.get(url("jsonl"))))
    assert (row["opened_at"], row["prompt_tokens"], end) == ("2026-05-01T00:00:00Z", 5, {"end": True, "rows": 1})


def test_list_links_to_export_with_its_filters(admin_client: Client) -> None:
    content = admin_client.get(reverse("admin:threadless_usagerecord_changelist") + "?model=large").content.decode()
    assert 'href="export/csv/?model=large"' in content


@pytest.mark.parametrize(("ending", "query", "status"), [("xlsx", "", 404), ("csv", "?user=nobody", 400)])
def test_export_refuses_unknown_format_and_invalid_filter(
    admin_client: Client, ending: str, query: str, status: int
) -> None:
    assert admin_client.get(url(ending, query)).status_code == status


def test_export_needs_permission_to_view() -> None:
    client = Client()
    client.force_login(make_user(is_staff=True))
    assert client.get(url("csv")).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_export_streams_under_asgi(admin_user: Any) -> None:
    make_record(request_id="wanted")

    async def read() -> str:
        client = AsyncClient()
        await client.aforce_login(admin_user)
        response: Any = await client.get(url("csv"))
        content = b"".join([piece async for piece in response.streaming_content]).decode()
        await sync_to_async(release_connections)()  # of the thread that has read the records
        return content

    assert asyncio.run(read()).splitlines()[-1] == "# end, 1 rows"
