"""Fixtures for all tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings

from tests.support import factories

# How long a busy machine takes to make up an input says nothing of the code.
settings.register_profile(
    "suite", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("suite")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test marked for one database is no test on the others."""
    marks = {item: item.get_closest_marker("database") for item in items}
    others = [item for item, mark in marks.items() if mark is not None and connection.vendor not in mark.args]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where all that the tests want is there, a skipped test is a fault of the set-up: `TESTS_MAY_NOT_SKIP`."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("TESTS_MAY_NOT_SKIP") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def user(db: None) -> Any:
    """An ordinary user without any permission."""
    return factories.make_user("alice")


@pytest.fixture
def issue_key(user: Any) -> Callable[..., tuple[Any, str]]:
    """Makes `(key, secret)`, for `user` unless told otherwise."""
    return lambda **fields: factories.make_key(**{"user": user} | fields)
