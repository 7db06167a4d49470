"""The report shows the sums of the ledger, and each figure leads to the calls behind it."""

from __future__ import annotations

import csv
import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.reports.ledgers import at, fill
from tests.reports.pages import MARCH, PAGE, rows, show
from tests.support.factories import make_key, make_record, make_user
from threadless.reports.models import Rollup
from threadless.reports.queries import Period, as_of, total
from threadless.reports.rollup import roll_up
from threadless.resolvers import SettingsResolver
from threadless.usage.models import UsageRecord

pytestmark = pytest.mark.django_db

GROUPS = ["model", "key", "user", "account", "error", "operation", "day"]


def _quoted(column: str) -> str:
    quote = connection.ops.quote_name
    return f"{quote(UsageRecord._meta.db_table)}.{quote(column)}"


def file_of(response: Any) -> list[str]:
    return b"".join(response.streaming_content).decode().splitlines()


def test_table_has_a_line_for_each_value_and_the_total(admin_client: Client) -> None:
    at("2026-03-05T12:00:00+00:00", model="large", prompt_tokens=1000, completion_tokens=50, cost_nano=2_500_000_000)
    at("2026-03-06T12:00:00+00:00", model="small", state="failed", error_code="upstream_timeout")
    at("2026-03-07T12:00:00+00:00", model="small")
    _head, small, large, summed = rows(show(admin_client))
    assert small[:2] == ["small", "2"]
    assert small[6] == "1 (50.0 %)"
    assert large[:6] == ["large", "1", "1,000", "50", "0", "2.50 USD"]
    assert summed[:6] == ["Total", "3", "1,000", "50", "0", "2.50 USD"]


@pytest.mark.parametrize("by", GROUPS)
def test_days_without_sums_are_searched_once_for_each_range(admin_client: Client, by: str) -> None:
    at("2026-03-05T12:00:00+00:00")
    with CaptureQueriesContext(connection) as captured:
        show(admin_client, by=by)
    newest = [each["sql"] for each in captured if "LIMIT 1" in each["sql"] and "DESC" in each["sql"]]
    assert len([sql for sql in newest if sql.startswith(f"SELECT {_quoted('opened_at')} AS")]) == 2


@pytest.mark.parametrize("by", GROUPS)
def test_every_grouping_adds_up_to_the_same_total(admin_client: Client, by: str) -> None:
    fill(datetime(2026, 3, 10, tzinfo=UTC), hours=24)
    roll_up(date(2026, 3, 10))
    table = rows(show(admin_client, by=by))
    assert table[-1][1] == str(total(Period(date(2026, 3, 1), date(2026, 3, 31))).calls)


def test_figures_lead_to_the_calls_behind_them(admin_client: Client) -> None:
    for model in ("large", "small", "small"):
        at("2026-03-05T12:00:00+00:00", model=model)
    at("2026-04-01T00:00:00+00:00", model="small")
    found = re.findall(r'href="(/admin/threadless/usagerecord/\?[^"]*)"', show(admin_client))
    links = [unescape(link) for link in found]
    small = next(link for link in links if "model=small" in link)
    listed = admin_client.get(small).context["cl"].result_list
    assert [record.model for record in listed] == ["small", "small"]


def test_all_calls_can_be_downloaded(admin_client: Client) -> None:
    at("2026-03-05T12:00:00+00:00", model="small", request_id="wanted")
    at("2026-03-05T12:00:00+00:00", model="large")
    [link] = re.findall(r'href="(/admin/threadless/usagerecord/export/csv/[^"]*)"', show(admin_client, model="small"))
    lines = file_of(admin_client.get(unescape(link)))
    assert [line.split(",")[0] for line in lines[1:]] == ["wanted", "# end"]


def test_table_can_be_downloaded_with_exact_numbers(admin_client: Client) -> None:
    at("2026-03-05T12:00:00+00:00", model="small", cost_nano=123_456_789)
    response = admin_client.get(f"{PAGE}csv/", {**MARCH, "model": "small"})
    assert response["Content-Disposition"].endswith('"usage_2026-03-01_2026-03-31_by-model_model-small.csv"')
    *lines, end = file_of(response)
    [row] = csv.DictReader(lines)
    assert (row["model"], row["calls"], row["cost_nano"], end) == ("small", "1", "123456789", "# end, 1 rows")


def test_filters_are_shown_and_can_be_removed(admin_client: Client) -> None:
    user = make_user("ada")
    at("2026-03-05T12:00:00+00:00", user=user, key_id="7", key_label="CI pipeline")
    content = show(admin_client, key_id="7", user_id=str(user.pk))
    assert "key: <strong>CI pipeline</strong>" in content
    assert "user: <strong>ada</strong>" in content
    [link] = re.findall(r'href="([^"]*)" aria-label="Remove the filter key: CI pipeline"', content)
    assert "key_id" not in link
    assert f"user_id={user.pk}" in link


def test_tiles_compare_with_the_range_before(admin_client: Client) -> None:
    for day in ("2026-03-04", "2026-03-05", "2026-03-05"):
        at(f"{day}T12:00:00+00:00")
    content = show(admin_client, since="2026-03-05", until="2026-03-05")
    assert re.search(r"<dt>Calls</dt><dd><strong><a [^>]*>2</a></strong> <span[^>]*>\+100", content)


def test_sorted_table_says_by_which_column(admin_client: Client) -> None:
    at("2026-03-05T12:00:00+00:00", model="a", prompt_tokens=1)
    at("2026-03-05T12:00:00+00:00", model="b", prompt_tokens=2)
    content = show(admin_client, sort="-prompt")
    assert [row[0] for row in rows(content)[1:3]] == ["b", "a"]
    assert content.count('aria-sort="descending"') == 1
    assert [row[0] for row in rows(show(admin_client, sort="name"))[1:3]] == ["a", "b"]


def test_more_values_than_lines_are_summed_up(admin_client: Client) -> None:
    for number in range(55):
        at("2026-03-05T12:00:00+00:00", model=f"model-{number}")
    table = rows(show(admin_client))
    assert len(table) == 1 + 50 + 1 + 1
    assert table[-2][:2] == ["5 others", "5"]


def test_health_shows_failures_and_calls_that_run(admin_client: Client) -> None:
    at("2026-03-05T12:00:00+00:00", state="failed", error_code="upstream_timeout")
    make_record(), make_record(deadline=timezone.now() - timedelta(minutes=1))
    content = show(admin_client)
    assert "Now: 2 open calls, 1 of them overdue." in re.sub(r"<[^>]*>", "", content)
    assert ["upstream_timeout", "1"] in rows(content, "health-title")


def test_budgets_are_shown_with_their_use(admin_client: Client) -> None:
    from threadless.budgets import api

    api.set_budget(api.account("acme"), "calls", "month", 500)
    assert "account acme" in show(admin_client)
    assert "account acme" not in show(admin_client, account="globex")


def test_days_without_sums_are_named_instead_of_read(admin_client: Client) -> None:
    at("2026-01-01T12:00:00+00:00"), at("2026-03-05T12:00:00+00:00")
    assert "have no sums yet" in show(admin_client, since="2026-01-01")


@pytest.mark.parametrize("query", [{"since": "x", "until": "y"}, {"user_id": "nobody"}, {"account": "\0"}])
def test_invalid_address_is_refused(admin_client: Client, query: dict[str, str]) -> None:
    assert admin_client.get(PAGE, query).status_code == 400


def test_page_needs_permission_to_see_calls() -> None:
    client = Client()
    client.force_login(make_user(is_staff=True))
    assert client.get(PAGE).status_code == 403
    client.force_login(make_user(is_staff=True, permissions=("view_usagerecord",)))
    assert client.get(PAGE).status_code == 200
    assert PAGE in client.get(reverse("admin:index")).content.decode()


def test_page_has_no_inline_code_and_escapes_names(admin_client: Client) -> None:
    at("2026-03-05T12:00:00+00:00", model="<script>alert(1)</script>", key_label="<b>", account="<i>")
    content = show(admin_client)
    main = content[content.index('id="content-main"') :].split("<footer")[0]
    assert not re.search(r"<script|<style| style=| on[a-z]+=", main)
    for by in GROUPS:
        assert "<b>" not in show(admin_client, by=by)


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("by", GROUPS)
def test_no_query_of_the_page_reads_the_whole_ledger(admin_client: Client, by: str) -> None:
    fill(datetime(2026, 3, 10, tzinfo=UTC), hours=24)
    with CaptureQueriesContext(connection) as captured:
        show(admin_client, by=by, model="small", account="acme")
    asked = [each["sql"] for each in captured if f'FROM "{UsageRecord._meta.db_table}"' in each["sql"]]
    assert asked
    for sql in asked:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            scans = [row[3] for row in cursor.fetchall() if row[3].startswith("SCAN threadless_usagerecord")]
        # The oldest and the newest call are the ends of an index.
        assert not scans or "LIMIT 1" in sql, (sql, scans)


def test_failed_calls_lead_to_their_list(admin_client: Client) -> None:
    at("2026-03-05T12:00:00+00:00", model="small", state="failed", error_code="upstream_timeout", request_id="wanted")
    at("2026-03-05T12:00:00+00:00", model="small")
    found = re.findall(r'href="([^"]*)" aria-label="1 \(50.0 %\) failed calls: (small|Total)"', show(admin_client))
    assert [name for _, name in found] == ["small", "Total"]
    for link, _ in found:
        listed = admin_client.get(unescape(link)).context["cl"].result_list
        assert [record.request_id for record in listed] == ["wanted"]


def test_overdue_calls_lead_to_their_list(admin_client: Client) -> None:
    make_record()
    overdue = make_record(deadline=timezone.now() - timedelta(minutes=1))
    [link] = re.findall(r'href="([^"]*)">1 of them overdue', show(admin_client))
    listed = admin_client.get(unescape(link)).context["cl"].result_list
    assert [record.request_id for record in listed] == [overdue.request_id]


def test_page_says_from_when_its_sums_are(admin_client: Client) -> None:
    fill(datetime(2026, 3, 10, tzinfo=UTC), hours=2)
    assert "Sums were last computed" not in show(admin_client)
    roll_up(date(2026, 3, 10))
    content = show(admin_client)
    made_at = Rollup.objects.get().made_at
    assert made_at is not None
    assert f'Sums were last computed at <time class="threadless-number" datetime="{made_at.isoformat()}"' in content
    assert re.search(
        r'As of <time class="threadless-number" datetime="[^"]+">\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC<', content
    )


def test_sums_of_a_busy_day_are_as_old_as_its_rollup() -> None:
    day = timezone.now().date()
    make_record()
    before = timezone.now()
    roll_up(day)
    assert as_of(Period(day, day)) > before
    Rollup.objects.update(calls=1_000_000, made_at=before - timedelta(minutes=5))
    assert as_of(Period(day, day)) == before - timedelta(minutes=5)


def test_budgets_have_names_and_lead_to_their_pages(admin_client: Client) -> None:
    from threadless.budgets import api

    user = make_user("ada")
    at("2026-03-05T12:00:00+00:00", key_id="7", key_label="CI pipeline")
    budgets = [api.set_budget(of, "calls", "month", 500) for of in (api.user(user.pk), api.key("7"), api.user("x"))]
    content = show(admin_client)
    assert '<th scope="row">user x</th>' in content
    for name in ("user ada", "key CI pipeline"):
        assert re.search(rf'<th scope="row"><a href="\?[^"]*">{name}</a>', content)
    for budget in budgets:
        assert f'href="/admin/threadless_budgets/budget/{budget.pk}/change/"' in content


@pytest.mark.parametrize("is_named", [True, False])
def test_agent_that_the_reader_may_not_see_has_its_name_if_the_resolver_tells_it(
    admin_client: Client, configure: Any, is_named: bool
) -> None:
    at("2026-03-05T12:00:00+00:00", model="agent_7", target_kind="agent")
    if is_named:
        configure(RESOLVER="tests.reports.test_page.SecretAgents")
    assert rows(show(admin_client))[1][0] == ("Geography guide" if is_named else "agent_7")


class SecretAgents(SettingsResolver):
    """A platform with an agent that nobody here may see."""

    def names(self, ids: Any) -> dict[str, str]:
        return {"agent_7": "Geography guide"}


def test_page_of_a_key_leads_to_its_report_and_budgets(admin_client: Client) -> None:
    key, _ = make_key()
    content = admin_client.get(f"/admin/threadless/apikey/{key.pk}/change/").content.decode()
    links = dict(re.findall(r'<li><a href="([^"]*)">(Report|Budgets)</a></li>', content))
    assert list(links.values()) == ["Budgets", "Report"]
    assert [admin_client.get(unescape(link)).status_code for link in links] == [200, 200]
    client = Client()
    client.force_login(make_user(is_staff=True, permissions=("view_apikey",)))
    content = client.get(f"/admin/threadless/apikey/{key.pk}/change/").content.decode()
    assert not re.findall(r">(Report|Budgets)</a></li>", content)
