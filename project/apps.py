"""The Django app that holds what belongs to no part of the platform: templates, styles and commands."""

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Has no models."""

    name = "project"
    verbose_name = "Harbour"
