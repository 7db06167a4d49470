"""Removes a person from the sums of days."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import CharField, F, QuerySet, Value
from django.db.models.functions import Cast, Concat

from threadless.reports.models import CallerDay, Rollup, UsageDay


def erase_user(user_id: Any, using: str) -> None:
    """Set the user to null and empty the name of the key. Runs after the ledger has forgotten the person."""
    for table in (UsageDay, CallerDay):
        _erase(table._default_manager.using(using).filter(user_id=user_id), using)


def _erase(rows: QuerySet[Any], using: str) -> None:
    for day in list(rows.order_by("day").values_list("day", flat=True).distinct()):
        with transaction.atomic(using=using):
            # Locks the day: a rollup that has read the ledger before the erasure is committed first.
            Rollup.objects.using(using).filter(day=day).update(calls=F("calls"))
            # The hash of a person would tell who it was. Rows may now agree in all dimensions; their sums add up.
            anonymous = Concat(Value("erased-"), Cast("pk", CharField()), output_field=CharField())
            rows.filter(day=day).update(user_id=None, key_label="", digest=anonymous)
