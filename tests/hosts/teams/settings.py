"""The platform with threadless plugged in."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS
from threadless.contrib.langchain import REQUEST_FIELDS

INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework_api_key", "tests.hosts.teams.crew"]

THREADLESS_API_KEY_MODEL = "crew.TeamKey"
THREADLESS = {
    "KEY_ADAPTER": "tests.hosts.teams.crew.integration.TeamKeyAdapter",
    "RESOLVER": "tests.hosts.teams.crew.integration.TeamResolver",
    "BACKENDS": {
        "default": {
            "BACKEND": "threadless.contrib.langchain.LangChainBackend",
            "OPTIONS": {"function": "tests.hosts.teams.crew.integration.chat_model"},
        },
        "chatbot": {
            "BACKEND": "threadless.contrib.langgraph.LangGraphBackend",
            "OPTIONS": {"function": "tests.hosts.teams.crew.chatbot.make", "reads": REQUEST_FIELDS},
        },
    },
}
