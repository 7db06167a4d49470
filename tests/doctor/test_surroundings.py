"""What the doctor says of the platform's throttles and of its databases."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache.backends.dummy import DummyCache
from django.db import connection
from rest_framework.throttling import AnonRateThrottle

from threadless.doctor.surroundings import check_throttles, check_transactions, is_behind_pgbouncer


class Rate(AnonRateThrottle):
    """A throttle of the host, in the default cache."""


class SharedRate(AnonRateThrottle):
    """A throttle of the host, in another cache."""

    cache = DummyCache("", {})


def path_of(throttle: type) -> str:
    return f"{throttle.__module__}.{throttle.__qualname__}"


def test_throttles_of_the_platform_that_do_not_apply_are_found(settings: Any) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_CLASSES": [path_of(Rate)]}
    [finding] = check_throttles()
    assert "does not apply to our endpoints" in finding.what


@pytest.mark.parametrize(("throttle", "count"), [(Rate, 1), (SharedRate, 0)])
def test_throttles_that_count_in_one_process_are_found(settings: Any, throttle: type, count: int) -> None:
    settings.THREADLESS = {**settings.THREADLESS, "THROTTLE_CLASSES": [path_of(throttle)]}
    found = list(check_throttles())
    assert len(found) == count
    assert all(throttle.__name__ in finding.what for finding in found)


def test_platform_without_throttles_has_no_findings() -> None:
    assert list(check_throttles()) == []


@pytest.mark.parametrize(
    ("database", "word"),
    [
        ({"ATOMIC_REQUESTS": True}, "ATOMIC_REQUESTS"),
        ({"PORT": "6432"}, "PgBouncer"),
        ({"HOST": "pgbouncer.internal"}, "PgBouncer"),
    ],
)
def test_setting_of_a_database_is_found(monkeypatch: Any, database: dict[str, Any], word: str) -> None:
    for name, value in database.items():
        monkeypatch.setitem(connection.settings_dict, name, value)
    [finding] = check_transactions()
    assert word in finding.what


def test_pgbouncer_without_cursors_of_the_server_is_fine(monkeypatch: Any) -> None:
    monkeypatch.setitem(connection.settings_dict, "PORT", 6432)
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    assert is_behind_pgbouncer(connection.settings_dict)
    assert list(check_transactions()) == []
