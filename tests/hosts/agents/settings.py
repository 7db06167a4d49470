"""A platform under ASGI, whose agents are assistants of django-ai-assistant and agents of Pydantic AI."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS
from threadless.contrib.langchain import REQUEST_FIELDS

INSTALLED_APPS = [*INSTALLED_APPS, "django_ai_assistant", "tests.hosts.agents.library"]
LLM_URL = ""

THREADLESS = {
    "BACKENDS": {
        "assistants": {
            "BACKEND": "threadless.contrib.langgraph.LangGraphBackend",
            "OPTIONS": {"function": "tests.hosts.agents.library.integration.assistant", "reads": REQUEST_FIELDS},
        },
        "agents": {
            "BACKEND": "threadless.contrib.pydantic_ai.PydanticAIBackend",
            "OPTIONS": {"function": "tests.hosts.agents.library.integration.agent"},
        },
    },
    "MODELS": {
        "librarian": {"model": "librarian", "backend": "assistants", "kind": "agent"},
        "researcher": {"model": "m", "backend": "agents", "kind": "agent"},
    },
}
