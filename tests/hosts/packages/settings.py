"""A host for each key package that is installed here, all in one."""

from importlib.util import find_spec

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

SECRET_KEY = "for tests only, and long enough for a token"
PACKAGES = ["knox", "oauth2_provider", "rest_framework_api_key", "rest_framework_simplejwt"]
INSTALLED_APPS = [*INSTALLED_APPS, *filter(find_spec, PACKAGES)]
OAUTH2_PROVIDER = {"SCOPES": {"CHATS:WRITE": "Send chat completions.", "READ": "Read."}}
