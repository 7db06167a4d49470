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
from threadless.budgets.subjects import Subject, subjects_of
from threadless.db.prepared import Statement
from threadless.db.tenants import place
from threadless.server.process import reset_after_fork
from threadless.types import Caller

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


class _Known:
    """The budgets of one database and schema, as they were at one time."""

    def __init__(self, read_at: float, budgets: _BySubject | None) -> None:
        self.read_at = read_at
        self.budgets = budgets
        """None if there are too many."""
        self.of_callers: dict[tuple[Any, ...], tuple[Chain, ...]] = {}
        """Those of callers that have asked, so that a caller without a budget finds that at once."""


_lock = threading.Lock()
_kept: dict[str, _Known] = {}
"""By database and schema."""


def chains_of(using: str, caller: Caller) -> tuple[Chain, ...]:
    """The budgets that a call of this caller uses, as they were at most five seconds ago."""
    now = time.monotonic()
    known = _kept.get(place(using))
    if known is None or now - known.read_at > KEPT_SECONDS:
        known = _read_all(using, now)
    who = (caller.key_id, caller.user_id, caller.account)
    chains = known.of_callers.get(who)
    if chains is None:
        if len(known.of_callers) >= MAX_KEPT:
            known.of_callers.clear()
        chains = known.of_callers[who] = _find(using, known, subjects_of(caller))
    return chains


def forget() -> None:
    """Read the budgets again at the next call."""
    _kept.clear()


def _read_all(using: str, now: float) -> _Known:
    where = place(using)
    with _lock:
        known = _kept.get(where)
        if known is not None and now - known.read_at <= KEPT_SECONDS:  # another thread has read them meanwhile
            return known
        rows = _statement(using).run(connections[using], (), _all_rows)
        known = _kept[where] = _Known(now, None if len(rows) > MAX_KEPT else _by_subject(rows))
        return known


@cache
def _statement(using: str) -> Statement:
    """Reads all budgets, or one more than are kept. Compiled once, because a call waits for it every five seconds."""
    query = Budget.objects.using(using).order_by().values_list(*_FIELDS)[: MAX_KEPT + 1].query
    return Statement(query.get_compiler(using=using).as_sql()[0])


def _all_rows(cursor: Any) -> list[Any]:
    return list(cursor.fetchall())


def _find(using: str, known: _Known, subjects: tuple[Subject, ...]) -> tuple[Chain, ...]:
    budgets = _read_some(using, subjects) if known.budgets is None else known.budgets
    return tuple(chain for subject in subjects for chain in budgets.get(subject, ()))


def _read_some(using: str, subjects: tuple[Subject, ...]) -> _BySubject:
    rows: list[Any] = []
    for subject in subjects:  # one range of the index each
        chosen = Budget.objects.using(using).filter(subject_kind=subject.kind, subject_id=subject.id)
        rows += chosen.values_list(*_FIELDS)
    return _by_subject(rows)


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
