"""Fixtures for the tests of the example host, which need its settings: `pytest tests/project --ds=project.settings`.

Under any other settings, as in a run of the whole suite, nothing here is collected.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from tests.support.upstream import ScriptedUpstream

if TYPE_CHECKING:
    from tests.project.platform import Platform

collect_ignore_glob = [] if django_settings.SETTINGS_MODULE == "project.settings" else ["test_*.py"]


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Password hashes are slow on purpose; tests make many."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def platform(db: None) -> Platform:
    """An organisation with one member, who is signed in and has a key."""
    from tests.project.platform import Platform  # imports models, which other settings do not install

    return Platform.create()


@pytest.fixture
def page(platform: Platform) -> Client:
    """A browser in which the member is signed in."""
    client = Client()
    client.force_login(platform.member)
    return client


@pytest.fixture
def upstream(settings: Any) -> Iterator[ScriptedUpstream]:
    """An upstream on loopback, which the platform is set to use. It records what it receives."""
    with ScriptedUpstream() as server:
        point_to(settings, server.base_url)
        yield server


@pytest.fixture
def no_upstream(settings: Any) -> None:
    """The platform is set to an address where nobody listens."""
    point_to(settings, "http://127.0.0.1:1/v1")


def point_to(settings: Any, base_url: str) -> None:
    """Swap the upstream through the settings, as an installation would."""
    backend = settings.THREADLESS["BACKENDS"]["default"]
    options = {**backend["OPTIONS"], "base_url": base_url, "api_key": "upstream-key"}
    settings.THREADLESS = {**settings.THREADLESS, "BACKENDS": {"default": {**backend, "OPTIONS": options}}}
    settings.LLM_MODELS = {"small": "upstream-small", "large": "upstream-large"}
