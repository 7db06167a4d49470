"""The example host with django-cors-headers, as the manual says, for the tests in a browser."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from project.settings import *  # noqa: F403
from project.settings import INSTALLED_APPS, MIDDLEWARE, THREADLESS

_MANUAL = (Path(__file__).resolve().parents[2] / "docs" / "hosts" / "surroundings.md").read_text()
_BLOCK = re.search(r"```python\n# mysite/settings.py\n(from corsheaders.*?)```", _MANUAL, re.DOTALL)
assert _BLOCK is not None
_GIVEN: dict[str, Any] = {}
exec(_BLOCK[1], _GIVEN)

CORS_URLS_REGEX = _GIVEN["CORS_URLS_REGEX"]
CORS_ALLOW_HEADERS = _GIVEN["CORS_ALLOW_HEADERS"]
CORS_EXPOSE_HEADERS = _GIVEN["CORS_EXPOSE_HEADERS"]
CORS_ALLOWED_ORIGINS = [os.environ["PAGE_ORIGIN"]]
INSTALLED_APPS = [*INSTALLED_APPS, "corsheaders"]
MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *MIDDLEWARE]
THREADLESS = {**THREADLESS, "REQUESTS_PER_MINUTE": 1000}  # type: ignore[dict-item]
