"""The list of calls as a browser reads it, and a call that every filter can find."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from django.test import Client

LIST: Final = "/admin/threadless/usagerecord/"
START: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
WANTED: Final[dict[str, Any]] = {
    "request_id": "req_wanted",
    "key_id": "8",
    "account": "acme",
    "model": "large",
    "state": "failed",
    "error_code": "too_long",
    "is_stream": True,
    "usage_source": "estimated",
}
"""Fields of a call that differ from those of other calls."""


def listed(client: Client, **query: str) -> list[str]:
    """The request IDs of one page."""
    return rows_of(client.get(LIST, query))


def rows_of(response: Any) -> list[str]:
    """The request IDs of a page that was received."""
    return [record.request_id for record in response.context["cl"].result_list]


def walked(client: Client, direction: str, response: Any) -> list[list[str]]:
    """The pages from this one on, in the direction "older" or "newer"."""
    pages = [rows_of(response)]
    while url := getattr(response.context["cl"], f"{direction}_url"):
        response = client.get(LIST + url)
        pages.append(rows_of(response))
    return pages


def joined(pages: list[list[str]]) -> list[str]:
    """The request IDs of these pages."""
    return [request_id for each in pages for request_id in each]
