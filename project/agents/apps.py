"""The Django app."""

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    """Agents."""

    name = "project.agents"
    label = "agents"
