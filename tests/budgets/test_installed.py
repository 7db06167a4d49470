"""The app is enabled by its name in `INSTALLED_APPS`."""

from __future__ import annotations

from django.apps import apps


def test_app_has_a_label_that_a_host_does_not_use() -> None:
    assert apps.get_app_config("threadless_budgets").name == "threadless.budgets"
