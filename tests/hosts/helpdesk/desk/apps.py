"""The Django app."""

from django.apps import AppConfig


class DeskConfig(AppConfig):
    """The help desk."""

    name = "tests.hosts.helpdesk.desk"
    label = "desk"
    default_auto_field = "django.db.models.AutoField"
