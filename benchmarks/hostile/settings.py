"""The example host with a second upstream, `HOSTILE_BASE_URL`, behind the model `hostile`."""

from __future__ import annotations

import os
from typing import Any

from project import settings as host
from project.settings import *  # noqa: F403

_HOST: dict[str, Any] = host.THREADLESS
_DEFAULT: dict[str, Any] = _HOST["BACKENDS"]["default"]
_OPTIONS: dict[str, Any] = {**_DEFAULT["OPTIONS"], "base_url": os.environ["HOSTILE_BASE_URL"]}

THREADLESS = {
    **_HOST,
    "RESOLVER": "benchmarks.hostile.resolver.Resolver",
    "BACKENDS": {"default": _DEFAULT, "hostile": {**_DEFAULT, "OPTIONS": _OPTIONS}},
}
