"""The platform's LLM path, shared by regular chats and threadless: the assistants and the backend."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import msgspec
from django.conf import settings

from project.agents.models import PUBLIC_ID_PREFIX, Agent, AgentQuerySet
from threadless.backends.openai import OpenAIBackend
from threadless.types import Caller, ChatRequest, Target


class PlatformLLM(OpenAIBackend):
    """The upstream with the platform's house rule at the beginning of every conversation."""

    def __init__(self, *, house_rule: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.house_rule = house_rule

    def payload(self, request: ChatRequest, target: Target, caller: Caller, **fields: Any) -> dict[str, msgspec.Raw]:
        """The payload for the upstream. House rule and instructions of the agent form one system message."""
        instructions = "\n\n".join(filter(None, (self.house_rule, target.instructions)))
        return super().payload(request, target, caller, instructions=instructions, **fields)


def assistants(user_id: Any, organisation_id: int | None) -> Iterator[Target]:
    """Every model and agent that this user may use while working in this organisation."""
    yield from map(model_target, settings.LLM_MODELS)
    yield from map(agent_target, _agents(user_id, organisation_id))


def find_assistant(name: str, user_id: Any, organisation_id: int | None) -> Target | None:
    """The assistant with this name; None if the user may not use it."""
    if name.startswith(PUBLIC_ID_PREFIX):
        agent = _agents(user_id, organisation_id).filter(public_id=name).first()
        return agent_target(agent) if agent else None
    return model_target(name) if name in settings.LLM_MODELS else None


def names_of_agents(ids: Collection[str]) -> dict[str, str]:
    """The names of agents, without their visibility: for people who may see the calls of everybody."""
    return dict(Agent.objects.filter(public_id__in=ids).values_list("public_id", "name"))


def model_target(name: str) -> Target:
    """The target for a model of the platform."""
    return Target(id=name, model=settings.LLM_MODELS[name], owned_by="harbour")


def agent_target(agent: Agent) -> Target:
    """The target for an agent."""
    return Target(
        id=agent.public_id,
        name=agent.name,
        description=agent.description,
        kind="agent",
        model=settings.LLM_MODELS[agent.model or default_model()],
        instructions=agent.instructions,
        parameters=agent.parameters,
        owned_by=agent.organisation.slug,
        created=int(agent.created_at.timestamp()),
    )


def default_model() -> str:
    """The model for agents without one."""
    return next(iter(settings.LLM_MODELS))


def _agents(user_id: Any, organisation_id: int | None) -> AgentQuerySet:
    # Agents whose model the platform no longer offers are hidden.
    offered = Agent.objects.filter(model__in=["", *settings.LLM_MODELS])
    return offered.visible_to(user_id, organisation_id).select_related("organisation")
