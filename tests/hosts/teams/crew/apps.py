"""The Django app."""

from django.apps import AppConfig


class CrewConfig(AppConfig):
    """The platform. Its receivers are connected when the app is ready."""

    name = "tests.hosts.teams.crew"
    label = "crew"
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        from tests.hosts.teams.crew import integration  # noqa: F401  (connects its receiver)
