"""Each host platform has its own settings and is tested by a separate run, as `python -m tests` does.

Under any other settings its folder is left out.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

SETTINGS = {
    "helpdesk": "tests.hosts.helpdesk.settings",
    "example": "tests.hosts.example.settings",
    "packages": "tests.hosts.packages.settings",
    "teams": "tests.hosts.teams.settings",
    "accounts": "tests.hosts.accounts.settings",
    "agents": "tests.hosts.agents.settings",
    "schemas": "tests.hosts.schemas.settings",
    "tenants": "tests.hosts.tenants.settings",
    "observed": "tests.hosts.observed.settings",
}


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out the hosts that these settings are not for."""
    wanted = SETTINGS.get(collection_path.name)
    return True if wanted not in (None, settings.SETTINGS_MODULE) else None
