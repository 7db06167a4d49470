"""The example host runs the tests of conformance in process, as every host can."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from project.accounts.models import ApiKey, Organisation
from project.agents.models import Agent
from tests.support import factories
from tests.support.prepare_host import make_key
from threadless.testing.conformance import *  # noqa: F403


@pytest.fixture
def threadless_key(transactional_db: None, settings: Settings) -> str:
    """A key of a member of an organisation."""
    settings.LLM_MODELS = {"small": "upstream-small"}
    return make_key()


@pytest.fixture
def threadless_model() -> str:
    """A model of the platform."""
    return "small"


@pytest.fixture
def threadless_hidden_model(transactional_db: None) -> str:
    """An agent of another organisation."""
    other = Organisation.objects.create(name="Quay", slug="quay")
    return str(Agent.objects.create(name="Pilot", organisation=other, owner=factories.make_user()).public_id)


@pytest.fixture
def threadless_scopeless_key(threadless_key: str) -> str:
    """A key of the same member that may do nothing."""
    key = ApiKey.objects.get()
    return str(ApiKey.objects.issue(name="old", user=key.user, organisation=key.organisation, scopes=[])[1])
