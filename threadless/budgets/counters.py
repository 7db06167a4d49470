"""The statements on counters. A call reserves, extends and settles with one UPDATE per counter.

On PostgreSQL, `joint_counters` reserves or settles several counters in one statement. All statements lock counters in
the order of their ids, so that calls never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.core.signals import setting_changed
from django.db import connections, transaction
from django.db.models import F
from django.db.models.signals import post_delete

from threadless.budgets.joint_counters import LOCK_SECONDS, PATIENCE, Change, changing
from threadless.budgets.models import Budget, Counter
from threadless.db.prepared import Statement, row_count
from threadless.db.tenants import place
from threadless.usage.joint_sql import Update

_MAX_KEPT: Final = 10_000

_TABLE: Final = Counter._meta.db_table
_RESERVE: Final = "reserved = {t}.reserved + %s"
_SETTLE: Final = "spent = {t}.spent + %s, reserved = {t}.reserved - %s"
_WHERE_ROOM: Final = " AND {t}.spent + {t}.reserved + %s <= {t}.{limit}"
"""In this form no part of the comparison can exceed a big integer."""

_ids: dict[tuple[str, int, datetime], int] = {}
"""Counters by database and schema, budget, and start of the period."""
_statements: dict[tuple[str, str], Statement] = {}


def counter_id(using: str, budget_id: int, starts_at: datetime) -> int | None:
    """The counter of a budget in the period that starts then; created if it is missing. None without the budget."""
    known = (place(using), budget_id, starts_at)
    found = _ids.get(known)
    if found is None:
        counters = Counter.objects.using(using).filter(budget=budget_id, starts_at=starts_at)
        found = counters.values_list("pk", flat=True).first() or _create(using, budget_id, starts_at)
        if found is not None:
            if len(_ids) >= _MAX_KEPT:
                _ids.clear()
            _ids[known] = found
    return found


def reserving(using: str, amounts: Mapping[int, int]) -> Update:
    """One UPDATE that reserves an amount of each counter, or nothing if there is no room for one of them."""
    if len(amounts) > 1:
        changes = [Change(counter, 0, amount) for counter, amount in amounts.items()]
        return changing(changes, if_all_have_room=True)
    [(counter, amount)] = amounts.items()
    return Update(_statement(using, _RESERVE, _WHERE_ROOM).sql, (amount, counter, amount))


def settling(using: str, bookings: Mapping[int, tuple[int, int]]) -> Update:
    """One UPDATE that books on each counter what a call used of it, and gives back what the call held."""
    if len(bookings) > 1:
        changes = [Change(counter, spent, -held) for counter, (spent, held) in bookings.items()]
        return changing(changes, if_all_have_room=False)
    [(counter, (spent, held))] = bookings.items()
    return Update(_statement(using, _SETTLE, "").sql, (spent, held, counter))


def reserve(using: str, counter: int, amount: int) -> bool:
    """Reserve an amount. False if there is no room for it, or no such counter."""
    return bool(_run(using, _RESERVE, _WHERE_ROOM, (amount, counter, amount)))


def settle(using: str, counter: int, *, spent: int, held: int) -> None:
    """Book what a call used, and give back what it held. Without the counter, nothing happens."""
    _run(using, _SETTLE, "", (spent, held, counter))


def room(using: str, counters: Collection[int]) -> dict[int, int]:
    """What is left of each of these counters."""
    left = Counter.objects.using(using).filter(pk__in=counters).annotate(left=F("limit") - F("spent") - F("reserved"))
    return dict(left.values_list("pk", "left"))


def forget(**kwargs: Any) -> None:  # noqa: ARG001
    """Look the counters up again."""
    _ids.clear()
    _statements.clear()


def _create(using: str, budget_id: int, starts_at: datetime) -> int | None:
    with transaction.atomic(using=using):
        budget = Budget.objects.using(using).filter(pk=budget_id)
        if not budget.update(unit=F("unit")):  # locks it, so that its limit cannot change before the counter exists
            return None
        counters, limit = Counter.objects.using(using), budget.values_list("limit", flat=True).get()
        counter = Counter(budget_id=budget_id, starts_at=starts_at, limit=limit)
        counters.bulk_create([counter], ignore_conflicts=True)
        found: int = counters.values_list("pk", flat=True).get(budget=budget_id, starts_at=starts_at)
        return found


def _run(using: str, assignments: str, condition: str, params: tuple[int, ...]) -> int:
    return _statement(using, assignments, condition).run(connections[using], params, row_count)


def _statement(using: str, assignments: str, condition: str) -> Statement:
    statement = _statements.get((using, assignments))
    if statement is None:
        sql = _update_sql(connections[using], assignments, condition)
        statement = _statements[using, assignments] = Statement(sql)
    return statement


def _update_sql(connection: Any, assignments: str, condition: str) -> str:
    """The UPDATE, with its own limit of time for a lock where the database can do that in one statement."""
    name = connection.ops.quote_name
    fill = partial(str.format, t=name(_TABLE), limit=name("limit"))
    where = fill(f" WHERE {{t}}.id = %s{condition}")
    update = fill(f"UPDATE {{t}} SET {assignments}")  # noqa: S608  (names of our own table and columns)
    if connection.vendor == "postgresql":
        return f"WITH {PATIENCE} {update} FROM patience{where}"
    if connection.vendor == "mysql" and connection.mysql_is_mariadb:
        return f"SET STATEMENT innodb_lock_wait_timeout={LOCK_SECONDS} FOR {update}{where}"
    return update + where


post_delete.connect(forget, sender=Budget)
setting_changed.connect(forget)
