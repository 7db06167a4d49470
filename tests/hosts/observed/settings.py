"""A platform with what many have for security and observation, all at once. What threadless needs is at the end."""

from typing import Any

from csp.constants import SELF

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "corsheaders",
    "csp",
    "debug_toolbar",
    "django_structlog",
    "drf_spectacular",
    "silk",
]
MIDDLEWARE = [
    "corsheaders.middleware.CorsMiddleware",
    "csp.middleware.CSPMiddleware",
    "debug_toolbar.middleware.DebugToolbarMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "silk.middleware.SilkyMiddleware",
    *MIDDLEWARE,
]
ROOT_URLCONF = "tests.hosts.observed.urls"
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
CORS_ALLOWED_ORIGINS = ["https://app.example"]
CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"default-src": [SELF]}}

CORS_URLS_REGEX = r"^/api/v1/"
CORS_EXPOSE_HEADERS = ["x-request-id"]
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "POSTPROCESSING_HOOKS": ["threadless.contrib.drf_spectacular.add_endpoints"],
}


def is_not_ours(request: Any) -> bool:
    """What stores bodies must not see our requests."""
    return not request.path.startswith("/api/v1/")


SILKY_INTERCEPT_FUNC = is_not_ours
DEBUG_TOOLBAR_CONFIG = {"SHOW_TOOLBAR_CALLBACK": is_not_ours, "IS_RUNNING_TESTS": False}
