"""The example host with every limit switched on, so high that no call is refused."""

from __future__ import annotations

from typing import Any

from project import settings as host
from project.settings import *  # noqa: F403

DATABASES: dict[str, dict[str, Any]] = host.DATABASES
if "pool" in DATABASES["default"]["OPTIONS"]:
    # So few that a call which kept a connection while it waits would block the others.
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 4, "timeout": 10}

THREADLESS = {
    **host.THREADLESS,
    "REQUESTS_PER_MINUTE": 100_000_000,
    "TOKENS_PER_MINUTE": 100_000_000_000,
    "CONCURRENT_CALLS_PER_KEY": 100_000,
}
