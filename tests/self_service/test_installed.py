"""The app is enabled by its name in `INSTALLED_APPS`."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks

from tests.support.fixtures import Configure


def test_app_has_a_label_that_a_host_does_not_use() -> None:
    assert apps.get_app_config("threadless_self_service").name == "threadless.self_service"


def found() -> list[Any]:
    """The ids of the checks' messages."""
    return [message.id for message in run_checks(tags=["threadless"])]


def test_app_without_reports_is_e060(settings: Any) -> None:
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if name != "threadless.reports"]
    assert "threadless.E060" in found()


def test_app_with_reports_has_no_fault() -> None:
    assert not [each for each in found() if each.startswith("threadless.E")]


@pytest.mark.parametrize("value", [0, -1, 1.5, "30", True, 3651])
def test_longest_lifetime_of_wrong_type_or_range_is_e003(configure: Configure, value: Any) -> None:
    configure(MAX_KEY_DAYS=value)
    assert found() == ["threadless.E003"]
