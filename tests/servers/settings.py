"""The example host with what a test changes about it: `TEST_SETTINGS` in the environment, as JSON.

`THREADLESS` is merged into the host's own, `MIDDLEWARE` goes around its own and `MIDDLEWARE_INSIDE` within, `POOL`
bounds the PostgreSQL pool, `BACKEND` changes the default backend.
"""

from __future__ import annotations

import json
import os
from typing import Any

from project.settings import *  # noqa: F403
from project.settings import DATABASES, MIDDLEWARE, THREADLESS

_given: dict[str, Any] = json.loads(os.environ.get("TEST_SETTINGS", "{}"))

THREADLESS = THREADLESS | _given.get("THREADLESS", {})
MIDDLEWARE = [*_given.get("MIDDLEWARE", []), *MIDDLEWARE, *_given.get("MIDDLEWARE_INSIDE", [])]
THREADLESS["BACKENDS"]["default"] |= _given.get("BACKEND", {})
if "POOL" in _given:
    DATABASES["default"]["OPTIONS"]["pool"] = _given["POOL"]
