"""The Django app for what the whole platform shares: templates, styles and commands."""

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """An app without models."""

    name = "project"
    verbose_name = "Harbour"
