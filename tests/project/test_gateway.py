"""The plug: how small it is, and that it sends threadless down the platform's own LLM path."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings as platform_settings
from django.core.management import call_command
from django.test import Client

from project import gateway, llm
from project.accounts.models import ApiKey, Membership, Organisation
from project.chats.models import Chat, Message
from tests.project.platform import Platform, stranger
from tests.support.upstream import ScriptedUpstream
from threadless.models import UsageRecord
from threadless.types import Caller

HISTORY = [
    {"role": "user", "content": "What is the capital of France?"},
    {"role": "assistant", "content": "Paris."},
    {"role": "user", "content": "And of Italy? „Straße“ 🙂"},
]


def ask(model: str, **fields: Any) -> dict[str, Any]:
    """A request body."""
    return {"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}


def say_in_chat(page: Client, platform: Platform, assistant: str) -> None:
    """Send the last message of the history in a regular chat that holds the ones before it."""
    chat = Chat.objects.create(user=platform.member, assistant=assistant)
    for message in HISTORY[:-1]:
        chat.messages.create(**message)
    page.post(chat.get_absolute_url(), {"text": HISTORY[-1]["content"]})


def test_gateway_has_fewer_than_120_lines() -> None:
    assert len(inspect.getsource(gateway).splitlines()) < 120


@pytest.mark.parametrize("kind", ["model", "agent"])
def test_one_history_reaches_the_upstream_equal_both_ways(
    page: Client, platform: Platform, upstream: ScriptedUpstream, kind: str
) -> None:
    agent = platform.agent(instructions="Be a guide.", parameters={"temperature": 0, "max_tokens": 50})
    name = "large" if kind == "model" else agent.public_id
    say_in_chat(page, platform, name)
    assert platform.post({"model": name, "messages": HISTORY}).status_code == 200
    by_chat, by_threadless = (exchange.body for exchange in upstream.exchanges)
    assert by_chat == by_threadless


def test_house_rule_comes_before_the_agents_instructions(platform: Platform, upstream: ScriptedUpstream) -> None:
    agent = platform.agent(instructions="Be a guide.")
    platform.post(ask(agent.public_id))
    first = upstream.exchanges[0].body["messages"][0]
    assert first == {"role": "system", "content": f"{platform_settings.LLM_HOUSE_RULE}\n\nBe a guide."}


def test_plain_call_answers_under_the_public_name(platform: Platform, upstream: ScriptedUpstream) -> None:
    answer = platform.post(ask("small")).json()
    assert answer["model"] == "small"
    assert "Hello there" in answer["choices"][0]["message"]["content"]
    assert upstream.exchanges[0].body["model"] == "upstream-small"


def test_call_leaves_a_usage_row_and_no_chat(platform: Platform, upstream: ScriptedUpstream) -> None:
    platform.post(ask("small"))
    row = UsageRecord.objects.get()
    assert (row.state, row.model, row.user_id) == ("completed", "small", platform.member.pk)
    assert not Chat.objects.exists()
    assert not Message.objects.exists()


def test_models_list_models_and_visible_agents(platform: Platform, upstream: ScriptedUpstream) -> None:
    agent = platform.agent()
    platform.agent(owner=stranger(), name="Not mine")
    names = [model["id"] for model in platform.get("/api/v1/models").json()["data"]]
    assert names == ["small", "large", agent.public_id]


@pytest.mark.parametrize("name", ["nobody", "agent_nobody"])
def test_unknown_assistant_is_not_found(platform: Platform, upstream: ScriptedUpstream, name: str) -> None:
    response = platform.post(ask(name))
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")


def test_agent_of_somebody_else_is_not_found(platform: Platform, upstream: ScriptedUpstream) -> None:
    agent = platform.agent(owner=stranger())
    assert platform.post(ask(agent.public_id)).status_code == 404


def test_key_sees_agents_of_its_own_organisation_only(platform: Platform, upstream: ScriptedUpstream) -> None:
    elsewhere = Organisation.objects.create(name="Other", slug="other")
    Membership.objects.create(user=platform.member, organisation=elsewhere)
    agent = platform.agent(organisation=elsewhere, visibility="organisation")
    assert platform.post(ask(agent.public_id)).status_code == 404


def test_key_with_an_allow_list_is_held_to_it(platform: Platform, upstream: ScriptedUpstream) -> None:
    platform.key.allowed_models = ["large"]
    platform.key.save()
    assert platform.post(ask("small")).status_code == 404
    assert platform.post(ask("large")).status_code == 200


def test_key_stops_when_its_user_leaves_the_organisation(platform: Platform, upstream: ScriptedUpstream) -> None:
    Membership.objects.all().delete()
    response = platform.post(ask("small"))
    assert (response.status_code, response.json()["error"]["code"]) == (401, "invalid_api_key")


def test_signed_in_session_works_in_its_users_organisation(platform: Platform) -> None:
    caller = Caller(user_id=platform.member.pk)
    assert gateway.organisation_of(caller) == platform.organisation.pk


def test_organisation_of_the_key_is_the_account_that_pays(platform: Platform, upstream: ScriptedUpstream) -> None:
    assert platform.post(ask("small")).status_code == 200
    assert UsageRecord.objects.get().account == str(platform.organisation.pk)


def test_agent_is_shown_with_its_name_and_description(platform: Platform, upstream: ScriptedUpstream) -> None:
    agent = platform.agent(name="Guide", description="Knows the harbour.")
    target = llm.agent_target(agent)
    assert (target.name, target.description) == ("Guide", "Knows the harbour.")


def test_command_makes_a_key_of_its_users_organisation(
    platform: Platform, upstream: ScriptedUpstream, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("create_api_key", user="ada", name="cron", scopes=["CHATS:WRITE"])
    secret = capsys.readouterr().out.strip()
    assert ApiKey.objects.get(name="cron").organisation == platform.organisation
    assert replace(platform, secret=secret).post(ask("small")).status_code == 200
