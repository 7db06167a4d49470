"""The platform of teams, with the keys of another package, runs the tests of conformance in process."""

from decimal import Decimal

import pytest

from tests.hosts.teams.crew.models import ChatModel, ProviderAccount, Team, TeamKey
from tests.support import factories
from threadless.testing.conformance import *  # noqa: F403

del test_key_without_the_scope_is_refused_everywhere  # noqa: F821 - keys of this platform have no scopes


def make_team(name):
    """A team with one model, which has its name."""
    team = Team.objects.create(name=name)
    account = ProviderAccount.objects.create(team=team, vendor="openai", address="http://127.0.0.1:9", secret="x")
    prices = {"prompt_price": Decimal(2), "completion_price": Decimal(8)}
    ChatModel.objects.create(account=account, name=name, upstream="m", **prices)
    return team


@pytest.fixture
def threadless_key(transactional_db):
    """A key of a member of the blue team."""
    user, team = factories.make_user(), make_team("blue")
    team.members.add(user)
    return TeamKey.objects.create_key(name="laptop", team=team, user=user)[1]


@pytest.fixture
def threadless_model():
    """The model of the blue team."""
    return "blue"


@pytest.fixture
def threadless_hidden_model(transactional_db):
    """The model of another team."""
    make_team("red")
    return "red"
