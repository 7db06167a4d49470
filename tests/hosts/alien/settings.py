"""The help desk with threadless plugged in."""

from tests.hosts.alien.settings_before import *  # noqa: F403
from tests.hosts.alien.settings_before import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "threadless"]
ROOT_URLCONF = "tests.hosts.alien.urls"

THREADLESS_API_KEY_MODEL = "desk.Credential"
THREADLESS = {
    "KEY_ADAPTER": "tests.hosts.alien.desk.plug.DeskKeyAdapter",
    "RESOLVER": "tests.hosts.alien.desk.plug.DeskResolver",
    "USAGE_RECORDER": "tests.hosts.alien.desk.plug.DeskRecorder",
    "BACKENDS": {
        "robot": {
            "BACKEND": "threadless.backends.function.FunctionBackend",
            "OPTIONS": {"function": "tests.hosts.alien.desk.plug.answer"},
        }
    },
    "SCOPES": {"robot": "Talk to the robot."},
    "REQUIRED_SCOPE": "robot",
    "SCOPE_PERMISSIONS": {},
}
