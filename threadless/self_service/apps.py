"""The Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SelfServiceConfig(AppConfig):
    """Enabled by `"threadless.self_service"` in `INSTALLED_APPS`. Requires `threadless.reports`."""

    name = "threadless.self_service"
    label = "threadless_self_service"
    verbose_name = _("API self-service")
    default_auto_field = "django.db.models.BigAutoField"
    threadless_routes = (
        "threadless.self_service.routes.key_route",
        "threadless.self_service.routes.usage_route",
        "threadless.self_service.routes.completions_route",
    )
    threadless_settings = ("threadless.self_service.conf.conf",)
    threadless_scopes = ("threadless.self_service.access.ACCOUNT_SCOPE",)

    def ready(self) -> None:
        from threadless.self_service import checks  # noqa: F401  (registers itself)
