"""Who sees which agent, and that pages and gateway agree."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from project import llm
from project.accounts.models import Organisation
from project.agents.models import Agent
from project.gateway import PlatformResolver
from tests.project.platform import Platform, stranger
from tests.support.upstream import ScriptedUpstream
from threadless.exceptions import ModelNotFound
from threadless.types import Caller

VISIBLE = [
    ("private", "owner", True),
    ("private", "colleague", False),
    ("private", "stranger", False),
    ("organisation", "owner", True),
    ("organisation", "colleague", True),
    ("organisation", "stranger", False),
    ("public", "owner", True),
    ("public", "colleague", True),
    ("public", "stranger", True),
]


def place_of(who: str, platform: Platform) -> tuple[int, int]:
    """User and organisation of somebody near or far."""
    if who == "owner":
        return platform.member.pk, platform.organisation.pk
    elsewhere = Organisation.objects.create(name="Other", slug="other")
    organisation = platform.organisation if who == "colleague" else elsewhere
    return stranger(organisation).pk, organisation.pk


@pytest.mark.parametrize(("visibility", "who", "is_visible"), VISIBLE)
def test_agent_is_visible_by_its_visibility(platform: Platform, visibility: str, who: str, is_visible: bool) -> None:
    agent = platform.agent(visibility=visibility)
    assert (agent in Agent.objects.visible_to(*place_of(who, platform))) is is_visible


@pytest.mark.parametrize(("visibility", "who", "is_visible"), VISIBLE)
def test_resolver_lists_and_finds_the_same_agents(
    platform: Platform, upstream: ScriptedUpstream, visibility: str, who: str, is_visible: bool
) -> None:
    agent = platform.agent(visibility=visibility)
    user_id, organisation_id = place_of(who, platform)
    caller = Caller(user_id=user_id, account=str(organisation_id or ""))
    assert (agent.public_id in [target.id for target in PlatformResolver().list(caller)]) is is_visible
    assert (llm.find_assistant(agent.public_id, user_id, organisation_id) is not None) is is_visible


def test_inactive_agent_is_visible_to_nobody(platform: Platform) -> None:
    agent = platform.agent(visibility="public", is_active=False)
    assert agent not in Agent.objects.visible_to(platform.member.pk, platform.organisation.pk)


def test_agent_of_a_withdrawn_model_is_neither_listed_nor_found(platform: Platform, upstream: ScriptedUpstream) -> None:
    agent = platform.agent(model="withdrawn")
    caller = Caller(user_id=platform.member.pk, account=str(platform.organisation.pk))
    assert agent.public_id not in [target.id for target in PlatformResolver().list(caller)]
    with pytest.raises(ModelNotFound):
        PlatformResolver().resolve(agent.public_id, caller)


def test_agent_without_a_model_uses_the_first_one(platform: Platform, upstream: ScriptedUpstream) -> None:
    assert llm.agent_target(platform.agent(model="")).model == "upstream-small"


def test_agent_parameters_must_be_an_object(platform: Platform) -> None:
    with pytest.raises(ValidationError, match="JSON object"):
        platform.agent(parameters=[1]).full_clean()
