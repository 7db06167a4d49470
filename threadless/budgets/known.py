"""Which budgets exist. Each process reads them at most once in five seconds, so most calls need no query for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

import msgspec
from django.core.signals import setting_changed
from django.db import connections

from threadless.budgets.models import Budget
from threadless.budgets.subjects import Subject
from threadless.db.prepared import Statement
from threadless.db.tenants import place
from threadless.server.process import reset_after_fork

KEPT_SECONDS: Final = 5.0
MAX_KEPT: Final = 2000
"""With more budgets, those of each caller are read on their own."""

_FIELDS: Final = ("pk", "subject_kind", "subject_id", "unit", "period", "action", "next_id")


class KnownBudget(msgspec.Struct, frozen=True):
    """What a call needs to know of a budget. Its limit is compared in the database."""

    id: int
    subject: Subject
    unit: str
    period: str
    action: str
    next_id: int | None


Chain: TypeAlias = tuple[KnownBudget, ...]
"""A budget and those that follow it. A call is charged to the first that has room."""
_BySubject: TypeAlias = Mapping[Subject, tuple[Chain, ...]]

_lock = threading.Lock()
_all: dict[str, tuple[float, _BySubject | None]] = {}
"""By database and schema: the time of reading and all budgets; None if there are too many."""
_some: dict[tuple[str, tuple[Subject, ...]], tuple[float, tuple[Chain, ...]]] = {}
"""The same for single callers, if there are too many budgets."""


def chains_of(using: str, subjects: tuple[Subject, ...]) -> tuple[Chain, ...]:
    """The budgets that a call of these subjects uses, as they were at most five seconds ago."""
    now = time.monotonic()
    read_at, budgets = _all.get(place(using), (0.0, {}))
    if not read_at or now - read_at > KEPT_SECONDS:
        budgets = _read_all(using, now)
    if budgets is None:
        return _chains_of_some(using, subjects, now)
    if not budgets:
        return ()
    return tuple(chain for subject in subjects for chain in budgets.get(subject, ()))


def forget() -> None:
    """Read the budgets again at the next call."""
    _all.clear()
    _some.clear()


def _read_all(using: str, now: float) -> _BySubject | None:
    where = place(using)
    with _lock:
        kept = _all.get(where)
        if kept is not None and now - kept[0] <= KEPT_SECONDS:  # another thread has read them meanwhile
            return kept[1]
        rows = _statement(using).run(connections[using], (), _all_rows)
        found = None if len(rows) > MAX_KEPT else _by_subject(rows)
        _all[where] = (now, found)
        return found


@cache
def _statement(using: str) -> Statement:
    """Reads all budgets, or one more than are kept. Compiled once, because a call waits for it every five seconds."""
    query = Budget.objects.using(using).order_by().values_list(*_FIELDS)[: MAX_KEPT + 1].query
    return Statement(query.get_compiler(using=using).as_sql()[0])


def _all_rows(cursor: Any) -> list[Any]:
    return list(cursor.fetchall())


def _chains_of_some(using: str, subjects: tuple[Subject, ...], now: float) -> tuple[Chain, ...]:
    where = place(using)
    kept = _some.get((where, subjects))
    if kept is not None and now - kept[0] <= KEPT_SECONDS:
        return kept[1]
    rows: list[Any] = []
    for subject in subjects:  # one range of the index each
        chosen = Budget.objects.using(using).filter(subject_kind=subject.kind, subject_id=subject.id)
        rows += chosen.values_list(*_FIELDS)
    by_subject = _by_subject(rows)
    found = tuple(chain for subject in subjects for chain in by_subject.get(subject, ()))
    if len(_some) >= MAX_KEPT:
        _some.clear()
    _some[where, subjects] = (now, found)
    return found


def _by_subject(rows: Iterable[Any]) -> _BySubject:
    """The chains of each subject. A budget that follows another one begins no chain."""
    budgets = {row[0]: KnownBudget(row[0], Subject(row[1], row[2]), *row[3:]) for row in rows}
    following = {budget.next_id for budget in budgets.values()}
    chains: dict[Subject, tuple[Chain, ...]] = {}
    for budget in budgets.values():
        if budget.id not in following:
            chains[budget.subject] = (*chains.get(budget.subject, ()), _chain(budget, budgets))
    return chains


def _chain(budget: KnownBudget, budgets: Mapping[int, KnownBudget]) -> Chain:
    chain = [budget]
    while (following := budgets.get(chain[-1].next_id or 0)) is not None and following not in chain:
        chain.append(following)
    return tuple(chain)


@reset_after_fork
def _reset() -> None:
    global _lock
    _lock = threading.Lock()
    forget()


setting_changed.connect(lambda **_: forget(), weak=False)
