"""The barest host with the optional apps."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as CORE_APPS

INSTALLED_APPS = [
    *CORE_APPS,
    "threadless.budgets",
    "threadless.idempotency",
    "threadless.reports",
    "threadless.self_service",
]
