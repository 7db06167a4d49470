"""These tests need the optional apps."""

from __future__ import annotations

import math

import pytest
from django.conf import settings as django_settings

from threadless.usage import sweep

collect_ignore_glob = [] if django_settings.SETTINGS_MODULE == "tests.optional_apps" else ["test_*.py"]


@pytest.fixture(autouse=True)
def _no_upkeep(monkeypatch: pytest.MonkeyPatch) -> None:
    """A settlement starts no thread that computes sums beside the test, as it does about once a minute."""
    monkeypatch.setitem(sweep._last_sweeps, "default", math.inf)
