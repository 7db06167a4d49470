"""The app is enabled by its name in `INSTALLED_APPS`."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.checks import run_checks


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
