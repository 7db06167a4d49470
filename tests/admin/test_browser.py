"""Our pages in a real browser: what axe-core finds, the strictest content security policy, and widths."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.support.chromium import open_chromium, show_as, violations, wait_until
from tests.support.serving import prepared_host, serve

SEED = """
import json
from datetime import timedelta
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from project.accounts.models import ApiKey
from threadless.budgets import api
from threadless.usage.models import UsageRecord
user = User.objects.get()
user.is_staff = user.is_superuser = True
user.save()
now = timezone.now()
org = ApiKey.objects.get().organisation
keys = [{"revoked_at": now}, {"scopes": []}, {"expires_at": now + timedelta(days=3)}, {"expires_at": now},
        {"allowed_models": ["small", "gone"], "last_used_at": now}, {"last_used_at": now}]
made = [ApiKey.objects.issue(**{"name": f"Key {n} of the warehouse", "user": user, "organisation": org,
                                "scopes": ["CHATS:WRITE"]} | fields)[0] for n, fields in enumerate(keys)]
records = [UsageRecord.objects.create(
    request_id=f"req_{n:030}", account=str(org.pk), key_id=str(made[-1].pk), key_label=made[-1].name, user=user,
    model="small", target_kind="model", target_model="x", backend="default", is_stream=True, state=state,
    http_status=502 if state == "failed" else 200, error_code="upstream_error" if state == "failed" else "",
    prompt_tokens=12345, completion_tokens=678, usage_source="estimated", cost_nano=123456789, first_token_ms=345,
    duration_ms=12345, opened_at=now - timedelta(minutes=n), deadline=now) for n, state in
    enumerate(["completed", "failed", "cancelled", "interrupted", "open"])]
api.set_budget(api.account(str(org.pk)), "cost", "month", 1_234_567_890_000)
api.set_budget(api.PLATFORM, "tokens", "week", 50_000_000)
client = Client()
client.force_login(user)
print(json.dumps([client.cookies["sessionid"].value, made[4].pk, records[1].pk]))
"""
KEYS, CALLS = "/admin/accounts/apikey/", "/admin/threadless/usagerecord/"
PAGES = {
    "keys": KEYS,
    "new key": f"{KEYS}add/",
    "key": KEYS + "{key}/change/",
    "rotate": KEYS + "{key}/rotate/",
    "revoke": KEYS + "{key}/revoke/",
    "calls": CALLS,
    "narrowed calls": f"{CALLS}?account=1&since=2026-01-01&until=2026-01-02",
    "call": CALLS + "{call}/change/",
    "budgets": "/admin/threadless_budgets/budget/",
    "playground": "/api/v1/chat/completions",
    "models": "/api/v1/models",
}
OF_DJANGO = (".breadcrumbs", "#toolbar", "#nav-sidebar", ".select2", ".actions", "#result_list .action-checkbox-column")
"""Elements of the admin that Django makes."""


class Site(NamedTuple):
    """A browser whose user is signed in."""

    browser: Any
    base_url: str
    key: int
    call: int

    def open(self, page: str) -> None:
        self.browser.get(self.base_url + PAGES[page].format(key=self.key, call=self.call))

    def submit(self) -> None:
        """Send the form of the page and wait for the next page: the click may return before it is there."""
        self.browser.execute_script("window.isSent = true")
        self.browser.find_element("css selector", "#content-main form [type=submit]").click()
        wait_until(self.browser, "!window.isSent")

    def console(self) -> list[str]:
        """What the browser has complained of since the last time."""
        return [line["message"] for line in self.browser.get_log("browser")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    host = prepared_host(tmp_path_factory.mktemp("host"), UPSTREAM_MODELS="small,large")
    session, key, call = json.loads(host.manage("shell", "-v0", "-c", SEED).splitlines()[-1])
    with (
        open_chromium(tmp_path_factory.mktemp("chromium")) as browser,
        serve("gthread", env=host.env, settings="tests.api.browser_settings") as server,
    ):
        browser.get(f"{server.base_url}/health/")  # a cookie needs an open page of its site
        browser.add_cookie({"name": "sessionid", "value": session})
        yield Site(browser, server.base_url, key, call)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_page_has_no_violation_of_ours(site: Site, page: str, width: int, is_dark: bool) -> None:
    show_as(site.browser, width=width, is_dark=is_dark)
    site.open(page)
    assert violations(site.browser, OF_DJANGO) == []
    assert site.console() == []


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_page_of_new_secret_has_no_violation_of_ours(site: Site, is_dark: bool) -> None:
    show_as(site.browser, width=1280, is_dark=is_dark)
    site.open("rotate")
    site.submit()
    assert violations(site.browser, OF_DJANGO) == []
    assert site.console() == []


@pytest.mark.parametrize("page", ["keys", "calls", "budgets"])
def test_list_fits_beside_the_open_sidebar(site: Site, page: str) -> None:
    show_as(site.browser, width=1280, is_dark=False)
    site.open(page)
    widths = "const r = document.querySelector('.results'); return [r.scrollWidth - r.clientWidth, r.clientWidth < 640]"
    assert site.browser.execute_script(widths) == [0, True]


@pytest.mark.parametrize("page", ["call", "playground", "models", "rotate"])
def test_page_fits_a_phone(site: Site, page: str) -> None:
    show_as(site.browser, width=390, is_dark=False)
    site.open(page)
    root = site.browser.execute_script("const e = document.documentElement; return [e.scrollWidth, e.scrollHeight]")
    assert root[0] <= 390
    assert root[1] < 2800


def test_copy_puts_the_request_id_on_the_clipboard(site: Site) -> None:
    site.open("call")
    site.browser.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    button = site.browser.find_element("css selector", "[data-copy=threadless-request]")
    button.click()
    copied = site.browser.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied == site.browser.find_element("id", "threadless-request").text
