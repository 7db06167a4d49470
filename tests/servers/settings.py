"""The example host with what a test changes about it: `TEST_SETTINGS` in the environment, as JSON.

`THREADLESS` is merged into the host's own, `MIDDLEWARE` goes around its own and `MIDDLEWARE_INSIDE` within, `POOL`
bounds the PostgreSQL pool, `BACKEND` changes the default backend. `MAIL` is a folder for error reports, which then
hold all that Django can put into one. `HEALTH_CHECKS` has the pool look at each connection that it gives out.
"""

from __future__ import annotations

import json
import os
from typing import Any

import django

from project.settings import *  # noqa: F403
from project.settings import DATABASES, LOGGING, MIDDLEWARE, THREADLESS

_given: dict[str, Any] = json.loads(os.environ.get("TEST_SETTINGS", "{}"))

THREADLESS = THREADLESS | _given.get("THREADLESS", {})
_default: dict[str, Any] = THREADLESS["BACKENDS"]["default"]
MIDDLEWARE = [*_given.get("MIDDLEWARE", []), *MIDDLEWARE, *_given.get("MIDDLEWARE_INSIDE", [])]
THREADLESS["BACKENDS"] = {"default": _default | _given.get("BACKEND", {})}
if "POOL" in _given:
    DATABASES["default"]["OPTIONS"]["pool"] = _given["POOL"]
DATABASES["default"]["CONN_HEALTH_CHECKS"] = _given.get("HEALTH_CHECKS", False)
if "MAIL" in _given:
    ADMINS = [("Ops", "ops@example.com")] if django.VERSION < (6,) else ["ops@example.com"]
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = _given["MAIL"]
    report = {"class": "django.utils.log.AdminEmailHandler", "level": "ERROR", "include_html": True}
    _logging: dict[str, Any] = LOGGING
    _logging["handlers"]["report"] = report
    _logging["root"]["handlers"] = ["console", "report"]
