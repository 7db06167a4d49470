"""The report in a real browser: every view of it, and each task on it with the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.browsed import Browsed, browsed
from tests.support.chromium import show_as, violations

SEED = """
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone
from project.accounts.models import ApiKey
from threadless.budgets import api
from threadless.usage.models import UsageRecord
user = User.objects.get()
user.is_staff = user.is_superuser = True
user.save()
key = ApiKey.objects.get()
now = timezone.now()
for number in range(40):
    state = ["completed", "completed", "failed", "cancelled", "open"][number % 5]
    opened_at = now - timedelta(hours=7 * number)
    UsageRecord.objects.create(
        request_id=f"req_{number:030}", account="1", key_id=str(key.pk), key_label=key.name, user=user,
        model=["small", "large"][number % 2], target_kind="model", target_model="x", backend="default",
        is_stream=True, state=state, error_code="upstream_error" if state == "failed" else "", prompt_tokens=12345,
        completion_tokens=678, usage_source="upstream", cost_nano=123456789, first_token_ms=345, opened_at=opened_at,
        deadline=opened_at + timedelta(minutes=16))
old = UsageRecord.objects.order_by("opened_at").first()
old.pk, old.request_id, old.opened_at = None, "req_old", now - timedelta(days=200)
old.save()
for subject, limit in ((api.key(key.pk), 100), (api.account("1"), 5_000), (api.PLATFORM, 10**6)):
    api.set_budget(subject, "calls", "month", limit)
data = {"key": str(key.pk), "name": key.name, "first": (now - timedelta(days=100)).date().isoformat(),
        "today": now.date().isoformat()}
"""
REPORT = "/admin/threadless_reports/usageday/"
VIEWS = {
    "models": "",
    "keys and cost": "?by=key&measure=cost",
    "days and tokens": "?by=day&measure=tokens&range=7d",
    "errors, sorted by name": "?by=error&sort=name",
    "filters": "?key_id={key}&model=small&state=failed",
    "no calls": "?account=nobody",
    "days without sums": "?since={first}&until={today}",
}
OF_DJANGO = (".breadcrumbs", "#toolbar", "#nav-sidebar")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsed]:
    with browsed(tmp_path_factory.mktemp("report"), SEED, UPSTREAM_MODELS="small,large") as opened:
        yield opened


@pytest.fixture
def report(site: Browsed) -> Iterator[Browsed]:
    """The report as it opens, in a wide window; nothing is blocked or fails in the test."""
    show_as(site.browser, width=1280, is_dark=False)
    site.open(REPORT)
    yield site
    assert site.console() == []


def query(site: Browsed) -> dict[str, str]:
    """What the address of the open page says."""
    return {name: values[0] for name, values in parse_qs(urlsplit(site.browser.current_url).query).items()}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_view_has_no_violation_of_ours(site: Browsed, view: str, width: int, is_dark: bool) -> None:
    show_as(site.browser, width=width, is_dark=is_dark)
    site.open(REPORT + VIEWS[view].format(**site.data))
    assert violations(site.browser, OF_DJANGO) == []
    assert site.browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert site.console() == []


@pytest.mark.parametrize(
    ("link", "name", "value"),
    [
        ("7 days", "range", "7d"),
        ("Account", "by", "account"),
        ("Tokens", "measure", "tokens"),
        ("Cached", "sort", "-cached"),
    ],
)
def test_link_changes_one_part_of_the_view(report: Browsed, link: str, name: str, value: str) -> None:
    report.follow(link, "main")
    assert query(report)[name] == value


def test_days_are_chosen_with_the_keyboard(report: Browsed) -> None:
    report.follow("Today")
    report.follow("Show")
    assert query(report)["since"] == query(report)["until"] == report.data["today"]


def test_filter_is_added_and_removed(report: Browsed) -> None:
    report.follow("Key", "main")
    report.follow(report.data["name"])
    assert query(report)["key_id"] == report.data["key"]
    assert report.data["name"] in report.text(".threadless-chips")
    report.follow("Remove the filter key")
    assert "key_id" not in query(report)


def test_figure_leads_to_its_calls(report: Browsed) -> None:
    count = report.text("tfoot td").replace(",", "")
    report.follow(f"{count} calls: Total")
    assert len(report.browser.find_elements("css selector", "#result_list tbody tr")) == int(count)


def test_numbers_of_the_chart_can_be_opened(report: Browsed) -> None:
    report.press("The numbers of the chart")
    report.wait(lambda browser: browser.find_element("css selector", "details table").is_displayed())
    report.follow(report.data["today"])
    assert query(report)["since"] == report.data["today"]


def test_bar_of_the_chart_leads_to_its_day(report: Browsed) -> None:
    report.browser.execute_script("window.isLeft = true")
    report.browser.find_elements("css selector", ".threadless-plot a")[-1].click()
    report.wait(lambda browser: query(report).get("since") == report.data["today"])


@pytest.mark.parametrize(
    ("link", "end"), [("This table as CSV", "# end, 2 rows"), ("All 40 calls as CSV", "# end, 40 rows")]
)
def test_file_is_downloaded(report: Browsed, tmp_path: Path, link: str, end: str) -> None:
    behavior = {"behavior": "allow", "downloadPath": str(tmp_path)}
    report.browser.execute_cdp_cmd("Browser.setDownloadBehavior", behavior)
    report.press(link)
    report.wait(lambda browser: list(tmp_path.glob("usage_*.csv")))
    [path] = tmp_path.glob("usage_*.csv")
    assert path.read_text().splitlines()[-1].split(",") == end.split(",")


def test_budget_and_key_lead_to_each_other(report: Browsed) -> None:
    report.follow("calls, month")
    assert "/threadless_budgets/budget/" in report.browser.current_url
    report.open(f"/admin/accounts/apikey/{report.data['key']}/change/")
    report.follow("Budgets", ".object-tools")
    assert "1 budget" in report.text("#changelist .paginator")
    report.open(f"/admin/accounts/apikey/{report.data['key']}/change/")
    report.follow("Report", ".object-tools")
    assert query(report) == {"key_id": report.data["key"]}
