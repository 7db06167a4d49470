"""The example host with limits that a test can reach."""

from __future__ import annotations

from typing import Any

from project.settings import *  # noqa: F403
from project.settings import THREADLESS

THREADLESS |= dict[str, Any](REQUESTS_PER_MINUTE=3, TOKENS_PER_MINUTE=1000)
