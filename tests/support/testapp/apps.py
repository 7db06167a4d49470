"""The app with and without what it adds to the core."""

from __future__ import annotations

from django.apps import AppConfig


class TestAppConfig(AppConfig):
    """Installed by default: no hooks, as in most installations."""

    name = "tests.support.testapp"
    label = "testapp"
    default = True
    default_auto_field = "django.db.models.BigAutoField"


class HookedConfig(TestAppConfig):
    """The same with hooks and a setting."""

    default = False
    threadless_ledger_hooks = ("tests.support.testapp.hooks.BudgetHook", "tests.support.testapp.hooks.FaultyHook")
    threadless_settings = ("tests.support.testapp.conf.conf",)


class LateConfig(TestAppConfig):
    """The same with hooks that take no part in ordinary calls."""

    default = False
    threadless_ledger_hooks = (
        "tests.support.testapp.late_hooks.FailingHook",
        "tests.support.testapp.late_hooks.LateHook",
    )
