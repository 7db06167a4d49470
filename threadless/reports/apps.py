"""The Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportsConfig(AppConfig):
    """Enabled by `"threadless.reports"` in `INSTALLED_APPS`."""

    name = "threadless.reports"
    label = "threadless_reports"
    verbose_name = _("API reports")
    default_auto_field = "django.db.models.BigAutoField"
    threadless_ledger_hooks = ("threadless.reports.ledger_hook.RollupHook",)
    threadless_key_links = ("threadless.reports.page.key_link.report_of_key",)

    def ready(self) -> None:
        from threadless.reports import checks  # noqa: F401  (registers itself)
