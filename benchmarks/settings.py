"""The example host with every limit switched on and set so high that it counts each call and refuses none."""

from __future__ import annotations

from project import settings as host
from project.settings import *  # noqa: F403

THREADLESS = {
    **host.THREADLESS,
    "REQUESTS_PER_MINUTE": 100_000_000,
    "TOKENS_PER_MINUTE": 100_000_000_000,
    "CONCURRENT_CALLS_PER_KEY": 100_000,
}
