"""The platform runs the tests of conformance on uvicorn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import factories
from threadless.testing.backend import use_backend
from threadless.testing.conformance import *  # noqa: F403
from threadless.testing.conformance.installation import Installation
from threadless.testing.conformance.talker import Talker

del test_hidden_model_gives_the_answer_of_one_that_does_not_exist  # noqa: F821 - every key sees every model here


@pytest.fixture
def threadless_key(transactional_db: None) -> str:
    return factories.make_key()[1]


@pytest.fixture
def threadless_scopeless_key(transactional_db: None) -> str:
    return factories.make_key(scopes=[])[1]


@pytest.fixture
def threadless_model() -> str:
    return "researcher"


@pytest.fixture
def installation(
    threadless_key: str, threadless_model: str, threadless_scopeless_key: str, url: str
) -> Iterator[Installation]:
    with use_backend(Talker()):
        yield Installation(url, threadless_key, threadless_model, scopeless_key=threadless_scopeless_key)
