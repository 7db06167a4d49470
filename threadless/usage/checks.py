"""System checks of the ledger: its hooks, and the SQL that Django compiles for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.db import router

from threadless.conf import conf
from threadless.usage.base import Outcome
from threadless.usage.columns import outcome_columns
from threadless.usage.hooks import ledger_hooks
from threadless.usage.ledger_sql import unexpected_statements
from threadless.usage.models import UsageRecord

_OPTIONAL: Final = frozenset({"threadless_budgets", "threadless_idempotency", "threadless_self_service"})
"""Labels of the optional apps, except reports, which checks its own tables."""


def check_ledger_hooks() -> list[CheckMessage]:
    """Check that the hooks of installed apps are valid and that the recorder runs them."""
    try:
        hooks = ledger_hooks()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="threadless.E020")]
    try:
        recorder = conf.usage_recorder
    except ImportError:  # reported by the check of the setting
        return []
    if not hooks or getattr(recorder, "runs_ledger_hooks", False):
        return []
    names = ", ".join(sorted(hook.name for hook in hooks))
    text = f"THREADLESS['USAGE_RECORDER'] does not run the ledger hooks of installed apps: {names}."
    return [Error(text, hint="Extend DatabaseUsageRecorder, or remove the apps.", id="threadless.E021")]


def check_places() -> list[CheckMessage]:
    """Check that the tables of our optional apps are in the ledger's database, because they change together."""
    ledger = router.db_for_write(UsageRecord)
    models = (model for config in apps.get_app_configs() if config.label in _OPTIONAL for model in config.get_models())
    hint = "Let the router send all models of threadless and of its optional apps to one database."
    return [
        Error(
            f"The router sends {model._meta.label} to {using!r}, but usage records to {ledger!r}.",
            hint=hint,
            id="threadless.E022",
        )
        for model in models
        if (using := router.db_for_write(model)) != ledger
    ]


@register("threadless", Tags.database)
def check_statements(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Warn if Django compiles the ledger's statements in an unexpected way. They then use the ORM, which is slower."""
    using = router.db_for_write(UsageRecord)
    if using not in (databases or ()):
        return []
    unexpected = unexpected_statements(using, outcome_columns(Outcome(state="completed")))
    if not unexpected:
        return []
    text = f"Database {using!r}: Django compiles these statements in an unexpected way: {', '.join(unexpected)}."
    hint = "Usage records are written through the ORM, which is slower. Please report your versions."
    return [CheckWarning(text, hint=hint, id="threadless.W021")]
