"""The Django app."""

from django.apps import AppConfig


class ChatsConfig(AppConfig):
    """Chats and their messages."""

    name = "project.chats"
    label = "chats"
