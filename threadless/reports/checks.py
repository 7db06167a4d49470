"""System checks of the app."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.db import router
from django.db.models import Model

from threadless.reports.models import MONTHS, TABLES, Rollup
from threadless.usage.models import UsageRecord


@register("threadless")
def check_database(**kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """The sums are computed by the database that has the usage records."""
    ledger = router.db_for_write(UsageRecord)
    tables: list[type[Model]] = [Rollup, *TABLES, *MONTHS.values()]
    if {router.db_for_write(model) for model in tables} == {ledger}:
        return []
    text = f"The tables of threadless.reports must be in the database of the usage records, {ledger!r}."
    return [Error(text, hint="Correct the routers in DATABASE_ROUTERS.", id="threadless.E050")]
