"""The example host with limits that a test can reach."""

from __future__ import annotations

from project.settings import *  # noqa: F403  (the same host)
from project.settings import THREADLESS as UNLIMITED

THREADLESS = {**UNLIMITED, "REQUESTS_PER_MINUTE": 3, "TOKENS_PER_MINUTE": 1000}
