"""The help desk with threadless plugged in."""

from tests.hosts.helpdesk.settings_before import *  # noqa: F403
from tests.hosts.helpdesk.settings_before import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "threadless"]
ROOT_URLCONF = "tests.hosts.helpdesk.urls"

THREADLESS_API_KEY_MODEL = "desk.Credential"
THREADLESS = {
    "KEY_ADAPTER": "tests.hosts.helpdesk.desk.plug.DeskKeyAdapter",
    "RESOLVER": "tests.hosts.helpdesk.desk.plug.DeskResolver",
    "USAGE_RECORDER": "tests.hosts.helpdesk.desk.plug.DeskRecorder",
    "BACKENDS": {
        "robot": {
            "BACKEND": "threadless.backends.function.FunctionBackend",
            "OPTIONS": {"function": "tests.hosts.helpdesk.desk.plug.answer"},
        }
    },
    "SCOPES": {"robot": "Talk to the robot."},
    "REQUIRED_SCOPE": "robot",
    "SCOPE_PERMISSIONS": {},
}
