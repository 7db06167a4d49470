"""Removes a person from the sums of days and months."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import CharField, F, QuerySet, Value
from django.db.models.functions import Cast, Concat

from threadless.reports.models import CallerDay, CallerMonth, Rollup, UsageDay
from threadless.usage.days import end_of_month


def erase_user(user_id: Any, using: str) -> None:
    """Set the user to null and empty the name of the key. Runs after the ledger has forgotten the person."""
    # The months come last: one that is computed meanwhile from days that still name the person is found then.
    for table in (UsageDay, CallerDay, CallerMonth):
        _erase(table._default_manager.using(using).filter(user_id=user_id), using)


def _erase(rows: QuerySet[Any], using: str) -> None:
    for day in list(rows.order_by("day").values_list("day", flat=True).distinct()):
        with transaction.atomic(using=using):
            # Locks the days: a rollup that has read the ledger before the erasure is committed first.
            Rollup.objects.using(using).filter(day__range=(day, _last_day(rows, day))).update(calls=F("calls"))
            # The hash of a person would tell who it was. Rows may now agree in all dimensions; their sums add up.
            anonymous = Concat(Value("erased-"), Cast("pk", CharField()), output_field=CharField())
            rows.filter(day=day).update(user_id=None, key_label="", digest=anonymous)


def _last_day(rows: QuerySet[Any], day: date) -> date:
    """The last day of what a row with this day sums up."""
    return end_of_month(day) if rows.model is CallerMonth else day
