"""The Django app."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    """The users."""

    name = "tests.hosts.accounts.people"
    label = "people"
