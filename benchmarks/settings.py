"""The example host with every limit switched on, so high that it refuses no call."""

from __future__ import annotations

from typing import Any

from project import settings as host
from project.settings import *  # noqa: F403

_database: dict[str, Any] = host.DATABASES["default"]  # the same object as in this module's DATABASES
if "pool" in _database["OPTIONS"]:
    # So few that a call which kept a connection while it waits would block the others.
    _database["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 4, "timeout": 10}

_limits: dict[str, Any] = {
    "REQUESTS_PER_MINUTE": 100_000_000,
    "TOKENS_PER_MINUTE": 100_000_000_000,
    "CONCURRENT_CALLS_PER_KEY": 100_000,
    "MAX_BYTES_IN_FLIGHT": 2**30,
}
THREADLESS = {**host.THREADLESS, **_limits}
