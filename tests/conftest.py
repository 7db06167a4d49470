"""Fixtures for all tests."""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import Settings

from tests.support import factories
from tests.support.fixtures import Configure, IssueKey

# Hypothesis also fails tests that generate input slowly. On a busy machine that says nothing about our code.
hypothesis_settings.register_profile(
    "suite", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
hypothesis_settings.load_profile("suite")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that are marked for other databases."""
    marks = {item: item.get_closest_marker("database") for item in items}
    others = [item for item, mark in marks.items() if mark is not None and connection.vendor not in mark.args]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With `TESTS_MAY_NOT_SKIP` in the environment a skipped test fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("TESTS_MAY_NOT_SKIP") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def user(db: None) -> Any:
    """An ordinary user without any permission."""
    return factories.make_user("alice")


@pytest.fixture
def issue_key(user: Any) -> IssueKey:
    """Makes a key and returns it with its secret; `user` owns it by default."""
    return lambda **fields: factories.make_key(**{"user": user} | fields)


@pytest.fixture
def configure(settings: Settings) -> Configure:
    """Changes some of our settings until the end of the test."""

    def change(**values: Any) -> None:
        settings.THREADLESS = {**settings.THREADLESS, **values}

    return change
