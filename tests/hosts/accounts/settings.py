"""A platform with django-allauth, users with a UUID, pages in two languages, a cache of all pages, and local times."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [
    "tests.hosts.accounts.people",
    *INSTALLED_APPS,
    "allauth",
    "allauth.account",
    "threadless.reports",
    "threadless.self_service",
]
SESSIONS = MIDDLEWARE.index("django.contrib.sessions.middleware.SessionMiddleware") + 1
MIDDLEWARE = [
    "django.middleware.cache.UpdateCacheMiddleware",
    *MIDDLEWARE[:SESSIONS],
    "django.middleware.locale.LocaleMiddleware",
    *MIDDLEWARE[SESSIONS:],
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
]
ROOT_URLCONF = "tests.hosts.accounts.urls"
AUTH_USER_MODEL = "people.Person"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False
LOGIN_URL = "account_login"
CACHE_MIDDLEWARE_SECONDS = 600
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
USE_TZ = False
TIME_ZONE = "Pacific/Auckland"
