"""Settings of the example host. Everything that differs between installations comes from the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import environ
from django.core.management.utils import get_random_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# If it is not set, each process generates its own, which is enough for a command or a test. A server with several
# processes needs it set; otherwise users are signed out at random. A default here would be a public secret.
SECRET_KEY = env.str("SECRET_KEY", default="") or get_random_secret_key()
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
# For an installation behind TLS. Browsers would not send such cookies to a server without it, so not by default.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("SECURE_COOKIES", default=False)
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=0)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "project",
    "project.accounts",
    "project.agents",
    "project.chats",
    "threadless",
    "threadless.budgets",
    "threadless.reports",
    "threadless.self_service",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "chats:list"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]


_SQLITE = "django.db.backends.sqlite3"


def _database(config: dict[str, Any]) -> dict[str, Any]:
    """Add the options that each database needs under many concurrent calls."""
    defaults: dict[str, dict[str, Any]] = {
        # Writers wait for up to 20 seconds instead of failing, and readers do not wait for writers.
        _SQLITE: {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-512;",
        },
        # Under gevent and ASGI a connection belongs to one greenlet or request, so only a pool can reuse it.
        "django.db.backends.postgresql": {
            # While the database is away, calls fail after `timeout`. The pool waits longer after each failed attempt to
            # connect; `reconnect_timeout` bounds that, so that calls succeed soon after the database is back.
            "pool": {"min_size": 1, "max_size": 16, "timeout": 1.5, "reconnect_timeout": 2},
            # A connection prepares a statement that it has executed five times. With PgBouncer in transaction mode,
            # the next execution may be on another connection.
            "server_side_binding": True,
            "prepare_threshold": 5 if env.bool("PREPARED_STATEMENTS", default=True) else None,
        },
        "django.db.backends.mysql": {"charset": "utf8mb4", "isolation_level": "read committed"},
    }
    options = defaults.get(config["ENGINE"], {}) | config.get("OPTIONS", {})
    if config["ENGINE"] == _SQLITE:
        config |= {"ENGINE": "threadless.contrib.pooled_sqlite", "TEST": {"NAME": ":memory:"}}
    return config | {"OPTIONS": options, "CONN_MAX_AGE": 0}


DATABASES = {"default": _database(env.db_url("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}"))}
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://harbour")}

# With DEBUG off, Django's default logging does not show failures on the console.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {"django": {"level": "INFO"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    # The platform's own error format. threadless does not change it.
    "EXCEPTION_HANDLER": "project.chats.errors.problem_handler",
}

LLM_MODELS: dict[str, str] = {
    public: upstream or public
    for public, _, upstream in (
        entry.strip().partition("=") for entry in env.list("UPSTREAM_MODELS", default=["gpt-4.1-mini"])
    )
}
"""Public model name → the upstream's name. The first one is the default of agents and chats."""

LLM_HOUSE_RULE = "You are a helpful assistant. Answer in one short English sentence."
"""The first system message of every conversation on this platform."""

UPSTREAM_TIMEOUT = env.float("UPSTREAM_TIMEOUT", default=120.0)

# The integration of threadless: this block, `gateway.py` and one line in `urls.py`.
THREADLESS_API_KEY_MODEL = "accounts.ApiKey"
THREADLESS = {
    "KEY_PREFIX": "harbour",
    "KEY_ADAPTER": "project.gateway.PlatformKeyAdapter",
    "RESOLVER": "project.gateway.PlatformResolver",
    "BACKENDS": {
        "default": {
            "BACKEND": "project.llm.PlatformLLM",
            "OPTIONS": {
                "base_url": env.str("UPSTREAM_BASE_URL", default="https://api.openai.com/v1"),
                "api_key": env.str("UPSTREAM_API_KEY", default=""),
                "first_byte_seconds": UPSTREAM_TIMEOUT,
                "between_chunks_seconds": UPSTREAM_TIMEOUT,
                "house_rule": LLM_HOUSE_RULE,
            },
        }
    },
}
