"""The pages for customers in a real browser: every page, and each task on it with the keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.browsed import Browsed, browsed
from tests.support.chromium import show_as, violations
from tests.support.client import Client

SEED = """
from datetime import timedelta
from django.contrib.auth.models import Permission, User
from django.utils import timezone
from project.accounts.models import ApiKey
from project.agents.models import Agent
from threadless.usage.models import UsageRecord
user = User.objects.get()
user.user_permissions.add(Permission.objects.get(codename="write_chats"))
laptop = ApiKey.objects.get()
org, now = laptop.organisation, timezone.now()
Agent.objects.create(name="Geography guide", description="Knows every capital.", organisation=org, owner=user)
for name, fields in {"soon": {"expires_at": now + timedelta(days=3)}, "powerless": {"scopes": []},
                     "expired": {"expires_at": now}, "revoked": {"revoked_at": now}}.items():
    ApiKey.objects.issue(**{"name": name, "user": user, "organisation": org, "scopes": ["CHATS:WRITE"]} | fields)
rotating, _ = ApiKey.objects.issue(name="rotating", user=user, organisation=org, scopes=["CHATS:WRITE"])
rotating.rotate(timedelta(hours=1))
for number in range(12):
    UsageRecord.objects.create(
        request_id=f"req_{number:030}", key_id=str(laptop.pk), key_label=laptop.name, user=user, model="small",
        target_kind="model", target_model="x", backend="default", is_stream=True, state="completed",
        prompt_tokens=12345, completion_tokens=678, usage_source="upstream", cost_nano=123456789,
        opened_at=now - timedelta(hours=9 * number), deadline=now)
data = {"key": laptop.pk, "agent": Agent.objects.get().public_id}
"""
HOME = "/account/api/"
PAGES = {
    "keys": "",
    "create": "create/",
    "rotate": "keys/{key}/rotate/",
    "revoke": "keys/{key}/revoke/",
    "usage": "usage/",
    "usage of a month": "usage/?range=30",
    "models": "models/",
    "calling the API": "guide/",
}
each_window = pytest.mark.parametrize("width", [1280, 390])
each_scheme = pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsed]:
    with browsed(tmp_path_factory.mktemp("customer"), SEED, UPSTREAM_MODELS="small,large") as opened:
        yield opened


@pytest.fixture
def page(site: Browsed) -> Iterator[Browsed]:
    """The list of keys in a wide window; nothing is blocked or fails in the test."""
    show_as(site.browser, width=1280, is_dark=False)
    site.open(HOME)
    yield site
    assert [message for message in site.console() if "401" not in message] == []


def secret_of(page: Browsed) -> str:
    """The secret that the page shows."""
    found = re.search(r"harbour_\w+", page.text("#secret"))
    assert found is not None
    return found[0]


def status_with(page: Browsed, secret: str) -> int:
    """What a call with this key answers."""
    with Client(int(page.base_url.rpartition(":")[2]), secret) as client:
        return int(client.get("/api/v1/models").status)


def create(page: Browsed, name: str) -> str:
    """The secret of a new key."""
    page.follow("Create a key")
    page.focus("Name").send_keys(name)
    page.follow("Create the key")
    return secret_of(page)


def judge(site: Browsed, width: int) -> None:
    """The open page is accessible, fits its window, and nothing of it was blocked."""
    assert violations(site.browser) == []
    assert site.browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert site.browser.execute_script("return getComputedStyle(document.body).margin") == "0px"  # has its style sheet
    assert site.console() == []


@pytest.mark.parametrize("name", PAGES)
@each_window
@each_scheme
def test_page_has_no_violation(site: Browsed, name: str, width: int, is_dark: bool) -> None:
    show_as(site.browser, width=width, is_dark=is_dark)
    site.open(HOME + PAGES[name].format(**site.data))
    judge(site, width)


@each_window
@each_scheme
def test_form_with_faults_and_page_of_a_secret_have_no_violation(site: Browsed, width: int, is_dark: bool) -> None:
    show_as(site.browser, width=width, is_dark=is_dark)
    site.open(f"{HOME}create/")
    site.focus("Name").send_keys("judged")
    site.focus("Send chat completions").send_keys(" ")
    site.follow("Create the key")
    assert "Please correct" in site.text("[role=alert]")
    assert [message for message in site.console() if "422" not in message] == []
    judge(site, width)
    site.focus("Send chat completions").send_keys(" ")
    site.follow("Create the key")
    assert secret_of(site)
    judge(site, width)


def test_key_is_created_used_and_revoked(page: Browsed) -> None:
    secret = create(page, "from the keyboard")
    assert status_with(page, secret) == 200
    page.follow("I have saved it")
    page.follow("Revoke from the keyboard")
    page.follow("Revoke the key")
    assert "has been revoked" in page.text("[role=status]")
    assert status_with(page, secret) == 401


def test_reload_of_a_new_secret_makes_no_second_key(page: Browsed) -> None:
    create(page, "once")
    page.browser.refresh()
    page.wait(lambda browser: browser.find_element("tag name", "h1").text == "Keys")
    assert "already been sent" in page.text("[role=status]")
    names = [each.text for each in page.browser.find_elements("css selector", "tbody th")]
    assert len([name for name in names if name.startswith("once")]) == 1


def test_key_is_rotated_with_the_old_secret_ending_at_once(page: Browsed) -> None:
    old = create(page, "rotated")
    page.follow("I have saved it")
    page.follow("Rotate rotated")
    page.focus("The old secret").send_keys("ends now")
    page.follow("Rotate the key")
    assert [status_with(page, secret) for secret in (secret_of(page), old)] == [200, 401]


def test_secret_is_copied(page: Browsed) -> None:
    secret = create(page, "copied")
    page.press("Copy")
    page.wait(lambda browser: page.clipboard() == secret)


def test_range_of_the_usage_is_chosen(page: Browsed) -> None:
    page.follow("Usage", "header")
    page.follow("30 days")
    assert page.browser.current_url.endswith("?range=30")
    assert page.text("[aria-current=true]") == "30 days"
    assert "12" in page.text(".tiles")


def test_id_of_an_agent_is_copied(page: Browsed) -> None:
    page.follow("Models", "header")
    page.press(f"Copy {page.data['agent']}")
    page.wait(lambda browser: page.clipboard() == page.data["agent"])


def test_example_is_copied(page: Browsed) -> None:
    page.follow("Calling the API", "header")
    page.press("Copy")
    page.wait(lambda browser: "OPENAI_BASE_URL" in page.clipboard())
    assert f"{page.base_url}/api/v1" in page.clipboard()


def test_first_tab_leads_past_the_navigation(page: Browsed) -> None:
    page.press("Skip to the content")
    page.wait(lambda browser: browser.current_url.endswith("#content"))
    page.follow("Create a key")
    assert page.text("h1") == "Create a key"


def test_tabs_lead_to_the_playground(page: Browsed) -> None:
    page.follow("Playground", "header")
    assert page.browser.current_url.endswith("/api/v1/chat/completions")
