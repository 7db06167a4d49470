"""The Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ThreadlessConfig(AppConfig):
    """Registers the system checks and listens to the server's end; starts nothing."""

    name = "threadless"
    verbose_name = _("Threadless completions")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from threadless import checks  # noqa: F401  (registers itself)
        from threadless.completions.shutdown import follow_server

        follow_server()
