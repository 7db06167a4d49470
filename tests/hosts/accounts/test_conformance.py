"""The platform runs the tests of conformance in process."""

from __future__ import annotations

import pytest

from tests.support import factories
from threadless.testing.conformance import *  # noqa: F403

del test_hidden_model_gives_the_answer_of_one_that_does_not_exist  # noqa: F821 - every key sees every model here


@pytest.fixture
def threadless_key(transactional_db: None) -> str:
    return factories.make_key(user=factories.make_user("ada@example.com"))[1]


@pytest.fixture
def threadless_scopeless_key(transactional_db: None) -> str:
    return factories.make_key(user=factories.make_user("ben@example.com"), scopes=[])[1]


@pytest.fixture
def threadless_model() -> str:
    return "small"
