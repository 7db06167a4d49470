"""The Django app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Organisations and keys."""

    name = "project.accounts"
    label = "accounts"
