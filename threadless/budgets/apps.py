"""The Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BudgetsConfig(AppConfig):
    """Enabled by `"threadless.budgets"` in `INSTALLED_APPS`."""

    name = "threadless.budgets"
    label = "threadless_budgets"
    verbose_name = _("API budgets")
    default_auto_field = "django.db.models.BigAutoField"
    threadless_settings = ("threadless.budgets.conf.conf",)
    threadless_gates = ("threadless.budgets.gate.BudgetGate",)
    threadless_ledger_hooks = ("threadless.budgets.hook.BudgetHook",)
    threadless_key_links = ("threadless.budgets.key_link.budgets_of_key",)

    def ready(self) -> None:
        from threadless.budgets import checks  # noqa: F401  (registers itself)
