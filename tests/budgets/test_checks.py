"""The app's settings and the database are checked."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection

from tests.support.fixtures import Configure
from threadless.budgets.conf import BudgetSettings

MALFORMED: dict[str, list[Any]] = {
    "BUDGET_PROMPT_MARGIN": [None, -1, 0.5, True, 1001],
    "BUDGET_OUTPUT_TOKENS": [None, 0, 0.5, True],
    "BUDGET_STEP_TOKENS": [0, 0.5, True],
    "BUDGET_UNPRICED": [None, "allow", 5],
}


def found(*databases: str) -> list[str]:
    """The ids of our messages, with the checks that ask these databases."""
    return [str(message.id) for message in run_checks(tags=["threadless", "database"], databases=databases)]


@pytest.mark.parametrize("name", BudgetSettings.definitions)
def test_setting_of_wrong_type_or_range_is_e003(configure: Configure, name: str) -> None:
    for value in MALFORMED[name]:
        configure(**{name: value})
        assert found() == ["threadless.E003"], value


def test_default_settings_are_right() -> None:
    assert found() == []


@pytest.mark.parametrize("level", ["repeatable read", "SERIALIZABLE", 3, 4])
def test_isolation_level_in_the_settings_is_e040(level: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "isolation_level", level)
    assert found() == ["threadless.E040"]


@pytest.mark.parametrize("level", [None, "read committed", 2])
def test_read_committed_is_right(level: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "isolation_level", level)
    assert found() == []


@pytest.mark.django_db
def test_isolation_level_of_the_server_is_right() -> None:
    assert found("default") == []


@pytest.mark.database("postgresql", "mysql")
@pytest.mark.django_db(transaction=True)
def test_isolation_level_of_the_server_is_e040() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        else:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    try:
        assert found("default") == ["threadless.E040"]
    finally:
        connection.close()
