"""The app's settings and its database are checked."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks

from tests.support.fixtures import Configure


class KeysElsewhere:
    """A router of a host that sends each app to its own database."""

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "keys" if model._meta.app_label == "threadless_idempotency" else None


def found() -> list[str]:
    return [str(message.id) for message in run_checks(tags=["threadless"])]


def test_app_has_a_label_that_a_host_does_not_use() -> None:
    assert apps.get_app_config("threadless_idempotency").name == "threadless.idempotency"


@pytest.mark.parametrize("value", [None, 0, 0.5, True, 8761])
def test_setting_of_wrong_type_or_range_is_e003(configure: Configure, value: Any) -> None:
    configure(IDEMPOTENCY_HOURS=value)
    assert found() == ["threadless.E003"]


def test_keys_in_another_database_than_the_ledger_are_e022(settings: Any) -> None:
    settings.DATABASE_ROUTERS = [KeysElsewhere()]
    assert "threadless.E022" in found()


class OwnRecorder:
    """A recorder of a host that runs no hooks."""

    def open(self, opening: Any) -> None: ...

    def settle(self, entry: Any, outcome: Any) -> None: ...


def test_recorder_that_runs_no_hooks_is_e021(configure: Configure) -> None:
    configure(USAGE_RECORDER=OwnRecorder)
    assert "threadless.E021" in found()
