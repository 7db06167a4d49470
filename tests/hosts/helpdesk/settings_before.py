"""The help desk as it was before threadless."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

SECRET_KEY = "for tests only"
ALLOWED_HOSTS = ["testserver"]
AUTH_USER_MODEL = "desk.Member"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "tests.hosts.helpdesk.desk",
]
MIDDLEWARE = [
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "tests.hosts.helpdesk.desk.pages.MembersOnly",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
ROOT_URLCONF = "tests.hosts.helpdesk.urls_before"
LOGIN_URL = "/gate/"
STATIC_URL = "/static/"
USE_TZ = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DESK_DATABASE", ":memory:"),
        "ATOMIC_REQUESTS": True,
        # A file, because a stream is read and settled by a thread, which needs its own connection.
        "TEST": {"NAME": str(Path(tempfile.gettempdir()) / f"desk-{os.getpid()}.sqlite3")},
    }
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tests.hosts.helpdesk.desk.policies.DeskAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["tests.hosts.helpdesk.desk.policies.IsMember"],
    "DEFAULT_THROTTLE_CLASSES": ["tests.hosts.helpdesk.desk.policies.OneTicketAtATime"],
    "DEFAULT_RENDERER_CLASSES": ["tests.hosts.helpdesk.desk.policies.DeskRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tests.hosts.helpdesk.desk.policies.DeskParser"],
    "EXCEPTION_HANDLER": "tests.hosts.helpdesk.desk.api.desk_errors",
}
