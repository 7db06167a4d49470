"""What is measured: pages, files and answers, each with a bound in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

REPORT_MS, LIST_MS = 300, 200
_CALLS: Final = "/admin/threadless/usagerecord/"
_REPORT: Final = "/admin/threadless_reports/usageday/"
_GROUPS: Final = ("model", "key", "user", "account", "error", "operation", "day")
_RANGES: Final = ("today", "7d", "30d", "month", "last-month")


@dataclass(frozen=True)
class Page:
    """One address."""

    group: str
    name: str
    path: str
    bound_ms: int
    is_streamed: bool = False
    """Only the first bytes are measured."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What addresses need to know about the filled database."""

    today: date
    rows: int
    user: int
    rare_user: int
    key: str
    account: str
    deep: str
    """A position in the middle of the ledger."""


def report_pages(facts: Facts) -> Iterator[Page]:
    """Every grouping of every range, filters, and the files."""
    year = f"since={facts.today - timedelta(days=364)}&until={facts.today}"
    quarter = f"since={facts.today - timedelta(days=89)}&until={facts.today}"
    ranges = {name: f"range={name}" for name in _RANGES} | {"90 days": quarter, "12 months": year}
    for name, text in ranges.items():
        for by in _GROUPS:
            yield Page("report", f"{name}, by {by}", f"{_REPORT}?{text}&by={by}", REPORT_MS)
    for measure in ("tokens", "cost"):
        yield Page("report", f"30d, {measure}", f"{_REPORT}?range=30d&measure={measure}", REPORT_MS)
    for name in ("30d", "12 months"):
        filters = {"key_id": facts.key, "user_id": facts.user, "account": facts.account, "model": "gpt-4.1"}
        for column, value in ({**filters, "error_code": "upstream_timeout", "state": "failed"}).items():
            path = f"{_REPORT}?{ranges[name]}&by=model&{column}={value}"
            yield Page("report", f"{name}, only one {column}", path, REPORT_MS)
    yield Page("report", "30d by key, sorted by name", f"{_REPORT}?range=30d&by=key&sort=name", REPORT_MS)
    yield Page("report", "CSV of 30d by key", f"{_REPORT}csv/?range=30d&by=key", REPORT_MS, is_streamed=True)


def list_pages(facts: Facts) -> Iterator[Page]:
    """The list of calls under each filter and search, pages of calls and keys, and exports."""
    month = (facts.today - timedelta(days=200)).isoformat()
    queries = {
        "first page": "",
        "a page in the middle": f"older={facts.deep}",
        "a newer page in the middle": f"newer={facts.deep}",
        "a day in the middle": f"since={month}&until={month}",
        "key": f"key_id={facts.key}",
        "key, in the middle": f"key_id={facts.key}&older={facts.deep}",
        "key without calls": "key_id=no-such-key",
        "user": f"user={facts.user}",
        "user without calls": f"user={facts.rare_user}",
        "account": f"account={facts.account}",
        "account, in the middle": f"account={facts.account}&older={facts.deep}",
        "model": "model=gpt-4.1",
        "model without calls": "model=none",
        "error code": "error_code=upstream_timeout",
        "error code without calls": "error_code=none",
        "state failed": "state=failed",
        "state open": "state=open",
        "streamed": "is_stream=1",
        "estimated": "usage_source=estimated",
        "key and error code without calls": f"key_id={facts.key}&error_code=none",
        "user, account and model": f"user={facts.user}&account={facts.account}&model=gpt-4.1",
        "a day and user": f"since={month}&until={month}&user={facts.user}",
        "a day and a user without calls": f"since={month}&until={month}&user={facts.rare_user}",
    }
    for name, query in queries.items():
        yield Page("list of calls", name, f"{_CALLS}?{query}", LIST_MS)
    searches = {
        "request ID": "req_c4ca4238a0b923820dcc509a6f75849b",
        "name of a key": "Support bot 1",
        "part of the names of 100 keys": "Support",
        "user": "user007",
        "beginning of the names of 200 users": "user",
        "model": "gpt-4.1",
        "account": facts.account,
        "nothing": "no such name",
    }
    for name, term in searches.items():
        yield Page("search", name, f"{_CALLS}?q={term}", LIST_MS)
    yield Page("list of calls", "one call", f"{_CALLS}{facts.rows // 2}/change/", LIST_MS)
    yield Page("list of keys", "first page", "/admin/accounts/apikey/", LIST_MS)
    yield Page("list of keys", "search", "/admin/accounts/apikey/?q=Support", LIST_MS)
    yield Page("list of keys", "never used", "/admin/accounts/apikey/?attention=never", LIST_MS)
    yield Page("list of keys", "one key", f"/admin/accounts/apikey/{facts.key}/change/", LIST_MS)
    for name, query in {"all": "", "a month": f"since={month}", "key": f"key_id={facts.key}"}.items():
        yield Page("first bytes of the export", name, f"{_CALLS}export/csv/?{query}", LIST_MS, is_streamed=True)


def customer_pages() -> Iterator[Page]:
    """The pages of the user with the most calls."""
    for name in ("", "usage/?range=7", "usage/?range=30", "usage/?range=month", "models/", "guide/"):
        yield Page("customer", name or "keys", f"/account/api/{name}", REPORT_MS)


def api_paths(facts: Facts) -> Iterator[Page]:
    """`GET key` and `GET usage` of the busiest key, whose account's calls it may read."""
    yield Page("API", "GET key", "/api/v1/key", LIST_MS)
    day, hours = facts.today - timedelta(days=30), facts.today - timedelta(days=6)
    for name, query in {
        "31 days": f"start={day}&limit=31",
        "31 days by model and key": f"start={day}&limit=31&group_by=model,api_key_id",
        "24 hours": f"start={facts.today - timedelta(days=1)}&bucket_width=1h",
        "168 hours by model": f"start={hours}&bucket_width=1h&limit=168&group_by=model",
    }.items():
        yield Page("API", f"GET usage, {name}", f"/api/v1/usage?{query}", REPORT_MS)


def fetch(client: Any, page: Page, headers: dict[str, str]) -> Callable[[], int]:
    """Loads the page and returns the length of what it read. Raises `RuntimeError` for any other status than 200."""

    def load() -> int:
        response = client.get(page.path, headers=headers)
        if response.status_code != 200:
            raise RuntimeError(f"{page.path}: status {response.status_code}")
        if not page.is_streamed:
            return len(response.content)
        first = next(iter(response.streaming_content))
        response.close()
        return len(first)

    return load
