"""The Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SelfServiceConfig(AppConfig):
    """Enabled by `"threadless.self_service"` in `INSTALLED_APPS`."""

    name = "threadless.self_service"
    label = "threadless_self_service"
    verbose_name = _("API self-service")
    default_auto_field = "django.db.models.BigAutoField"
