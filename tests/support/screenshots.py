"""`python -m tests.support.screenshots`: the pictures of the manual, of the example host with invented data.

It needs Chromium, and replaces the files in `docs/images`. Look at each picture before you commit it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from tests.support.bodies import chunk, chunks_of
from tests.support.browsed import Browsed, browsed
from tests.support.chromium import show_as
from tests.support.playground import TOOLS, Page
from tests.support.serving import ROOT
from tests.support.upstream import Exchange, ScriptedUpstream

IMAGES: Final = ROOT / "docs" / "images"
SEED: Final = """
from datetime import timedelta
from decimal import Decimal
from django.contrib.auth.models import User
from django.utils import timezone
from project.accounts.models import ApiKey, Membership, Organisation
from project.agents.models import Agent
from project.quickstart.demo_calls import create_demo_calls
from project.quickstart.demo_data import create_agents
from threadless.budgets import api
from threadless.budgets.models import Budget, Counter
from threadless.money import to_nano
from threadless.usage.models import UsageRecord
user = User.objects.get()
user.username, user.is_staff, user.is_superuser = "ada", True, True
user.save()
org, now = Organisation.objects.get(), timezone.now()
create_demo_calls(user, org, create_agents(user, org))
ApiKey.objects.all().delete()
def key(name, **fields):
    rights = {"user": user, "organisation": org, "scopes": ["CHATS:WRITE"]}
    return ApiKey.objects.issue(**{"name": name} | rights | fields)[0]
old = key("Old laptop", revoked_at=now - timedelta(days=9))
key("Fair of October", expires_at=now - timedelta(days=20))
key("Trial", expires_at=now + timedelta(days=3))
rotated = key("Support desk", allowed_models=["small", "large"], last_used_at=now - timedelta(hours=5))
rotated.rotate(timedelta(hours=24))
shown = {name: key(name.capitalize(), last_used_at=now - timedelta(minutes=3)) for name in
         ("website", "mobile app", "night jobs")}
for number, record in enumerate(UsageRecord.objects.order_by("-opened_at")):
    for name, each in shown.items():
        if record.key_label.endswith(name):
            record.key_id, record.key_label = str(each.pk), each.name
    if record.model == "harbour-small":
        record.model = "large" if number % 3 else "small"
    record.save()
one = shown["website"]
for subject, unit, limit in ((api.key(one.pk), "calls", 1_500), (api.account(str(org.pk)), "cost", to_nano(Decimal(5))),
                             (api.PLATFORM, "tokens", 50_000_000)):
    api.set_budget(subject, unit, "month", limit)
for budget in Budget.objects.all():
    state = api.state_of(budget)
    Counter.objects.create(budget=budget, starts_at=state.starts_at, limit=budget.limit, spent=budget.limit * 7 // 10)
for record in UsageRecord.objects.filter(pk__gt=0)[:1700]:
    record.pk, record.request_id = None, f"before_{record.request_id}"
    record.opened_at -= timedelta(days=30)
    record.save()
call = UsageRecord.objects.filter(state="completed", is_stream=True, key_id=str(one.pk)).latest("opened_at")
data = {"key": one.pk, "call": call.pk}
"""
KEY: Final = "/admin/accounts/apikey/{key}/"
PAGES: Final = {
    "admin-keys": "/admin/accounts/apikey/",
    "admin-key": KEY + "change/",
    "admin-key-revoke": KEY + "revoke/",
    "admin-key-rotate": KEY + "rotate/",
    "admin-usage": "/admin/threadless/usagerecord/",
    "admin-call": "/admin/threadless/usagerecord/{call}/change/",
    "admin-report": "/admin/threadless_reports/usageday/",
    "admin-budgets": "/admin/threadless_budgets/budget/",
    "self-service-keys": "/account/api/",
    "self-service-create": "/account/api/create/",
    "self-service-usage": "/account/api/usage/?range=30",
    "self-service-models": "/account/api/models/",
    "self-service-guide": "/account/api/guide/",
}
SENT: Final = {"admin-key-created": KEY + "rotate/", "self-service-secret": "/account/api/keys/{key}/rotate/"}
"""Pages that follow a form."""
WIDTH: Final = 1280
MOST: Final = 1650
SHORT: Final = 880
"""Pixels."""


def main() -> None:
    """Make all pictures."""
    with tempfile.TemporaryDirectory() as folder, ScriptedUpstream() as upstream:
        upstream.script(answer)
        env = {"UPSTREAM_MODELS": "small,large", "UPSTREAM_BASE_URL": upstream.base_url}
        with browsed(Path(folder), SEED, **env) as site:
            take(site)


def take(site: Browsed) -> None:
    """The pictures of this host."""
    show_as(site.browser, width=WIDTH, is_dark=False)
    site.browser.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    for name, path in PAGES.items():
        site.open(path.format(**site.data))
        save(site, name)
    for name, path in SENT.items():
        site.open(path.format(**site.data))
        site.follow("Rotate", "form")
        save(site, name)
    converse(Page(site.browser, site.host, site.base_url, site.data["session"]))
    save(site, "playground", SHORT)


def converse(page: Page) -> None:
    """A conversation in the playground, with a call of a tool."""
    page.type("system", "Answer like a lighthouse keeper.")
    page.open("tools-section")
    page.type("tools", TOOLS)
    page.ask("How is the weather in Oslo?")
    page.fill(page.all(".tl-call textarea")[0], '{"degrees": 4, "sky": "light rain"}')
    page.finish(lambda: page.press_in_turn(1, "send-results"))


def answer(exchange: Exchange) -> None:
    """The model: it asks for the weather, and then reports it."""
    usage = {"prompt_tokens": 412, "completion_tokens": 93, "prompt_tokens_details": {"cached_tokens": 384}}
    if exchange.body["messages"][-1]["role"] == "tool":
        exchange.stream(*chunks_of("Light rain over Oslo, and 4 degrees. Keep your boots dry."), chunk(usage=usage))
        return
    function = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    call = {"index": 0, "id": "call_0", "type": "function", "function": function}
    exchange.stream(chunk({"tool_calls": [call]}), chunk(finish_reason="tool_calls"), chunk(usage=usage))


def save(site: Browsed, name: str, most: int = MOST) -> None:
    """The whole page as a picture; of a long page the beginning."""
    size = site.browser.execute_script("return document.documentElement.scrollHeight")
    metrics = {"width": WIDTH, "height": min(size, most), "deviceScaleFactor": 1, "mobile": False}
    site.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    site.browser.save_screenshot(str(IMAGES / f"{name}.png"))
    show_as(site.browser, width=WIDTH, is_dark=False)


if __name__ == "__main__":
    main()
