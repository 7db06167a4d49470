"""The Django app."""

from django.apps import AppConfig


class IdempotencyConfig(AppConfig):
    """Enabled by `"threadless.idempotency"` in `INSTALLED_APPS`."""

    name = "threadless.idempotency"
    label = "threadless_idempotency"
    threadless_settings = ("threadless.idempotency.conf.conf",)
    threadless_gates = ("threadless.idempotency.gate.IdempotencyGate",)
    threadless_call_descriptions = ("threadless.idempotency.openapi.describe",)
    threadless_ledger_hooks = ("threadless.idempotency.hook.IdempotencyHook",)
