"""The Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ThreadlessConfig(AppConfig):
    """Registers the system checks and the handler for the end of the server. Starts no threads."""

    name = "threadless"
    verbose_name = _("API usage")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from threadless import checks  # noqa: F401  (registers itself)
        from threadless.calls.running import end_calls
        from threadless.server.graceful import install_graceful_stop

        install_graceful_stop(end_calls)
