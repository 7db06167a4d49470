"""The platform runs the tests of conformance in process, for one of its customers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django_tenants.utils import tenant_context

from tests.support import factories
from threadless.testing.conformance import *  # noqa: F403

del test_hidden_model_gives_the_answer_of_one_that_does_not_exist  # noqa: F821 - every key sees every model here


@pytest.fixture(autouse=True)
def in_schema(north: Any) -> Iterator[None]:
    """The tests read the ledger of the customer."""
    with tenant_context(north.customer):
        yield


@pytest.fixture
def threadless_key(north: Any) -> str:
    return str(north.secret)


@pytest.fixture
def threadless_scopeless_key(north: Any, in_schema: None) -> str:
    return factories.make_key(user=north.user, scopes=[])[1]


@pytest.fixture
def threadless_model() -> str:
    return "small"
