"""`LedgerHook`: what must become true in the same transaction as a usage record."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

import msgspec
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db import transaction

from threadless.extensions import additions
from threadless.usage import ledger_sql
from threadless.usage.base import Entry, Opening, Outcome
from threadless.usage.columns import opening_columns, outcome_columns
from threadless.usage.models import UsageRecord

APP_ATTRIBUTE = "threadless_ledger_hooks"
"""An `AppConfig` lists its hooks here, as classes or dotted paths."""


class LedgerHook:
    """Writes to tables of its own in the transactions that write usage records; `DatabaseUsageRecorder` runs it.

    One instance serves a process, in any thread. Each method may run again after a rollback. It must write to the
    database `using`, and must not do anything that can wait for something else, such as a cache, a socket or a lock of
    another order: under gevent the process would stand still. Take locks on usage records first, then others by ID.

    `state` is a text that `opening` returned. It is kept with the record, and given to the other methods; None if
    `opening` returned None or the app was not installed yet.
    """

    name: ClassVar[str] = ""
    """Key of the state in the record; unique among the installed hooks, and never changed."""

    def opening(self, using: str, opening: Opening) -> str | None:
        """Before the record is inserted. May refuse the call by raising an `APIError`, which the client receives."""
        return None

    def opened(self, using: str, entry: Entry, state: str | None) -> None:
        """After the record was inserted."""

    def settling(self, using: str, entry: Entry, state: str | None, outcome: Outcome, *, was_interrupted: bool) -> None:
        """When the record becomes final, exactly once; `was_interrupted` if `interrupting` has seen it before."""

    def interrupting(self, using: str, states: Mapping[Entry, str | None]) -> None:
        """When a sweep marks these records as interrupted; in the order of their primary keys."""


@cache
def ledger_hooks() -> tuple[LedgerHook, ...]:
    """The hooks of the installed apps; raises `ImproperlyConfigured` if one is invalid."""
    try:
        classes = additions(APP_ATTRIBUTE)
    except ImportError as error:
        raise ImproperlyConfigured(f"{APP_ATTRIBUTE} of an app cannot be imported: {error}") from error
    for hook in classes:
        if not (isinstance(hook, type) and issubclass(hook, LedgerHook) and hook.name):
            raise ImproperlyConfigured(f"{APP_ATTRIBUTE} of an app: {hook!r} is not a LedgerHook with a name.")
    names = [hook.name for hook in classes]
    if len(set(names)) != len(names):
        raise ImproperlyConfigured(f"Two ledger hooks have the same name: {', '.join(sorted(names))}.")
    return tuple(hook() for hook in classes)


setting_changed.connect(lambda **_: ledger_hooks.cache_clear(), weak=False)


def open_record(connection: Any, opening: Opening) -> Entry:
    """Insert the record of a call; with hooks in one transaction with them, without them in autocommit mode."""
    using, columns = connection.alias, opening_columns(opening)
    hooks = ledger_hooks()
    if not hooks:
        return Entry(using, ledger_sql.insert(connection, columns), columns["request_id"])
    with transaction.atomic(using=using, durable=True):
        states = {hook.name: hook.opening(using, opening) for hook in hooks}
        entry = Entry(
            using, ledger_sql.insert(connection, columns | {"hook_state": _dump(states)}), columns["request_id"]
        )
        for hook in hooks:
            hook.opened(using, entry, states[hook.name])
    return entry


def settle_record(entry: Entry, outcome: Outcome) -> int:
    """Make a record final; returns 0 if it was final already or does not exist, else 1."""
    columns = outcome_columns(outcome)
    hooks = ledger_hooks()
    if not hooks:
        return ledger_sql.settle(entry, columns)
    with transaction.atomic(using=entry.using, durable=True):
        # The update comes first: it locks the record, and tells which state it had.
        was_interrupted = not ledger_sql.settle(entry, columns, ledger_sql.OPEN)
        if was_interrupted and not ledger_sql.settle(entry, columns, ledger_sql.INTERRUPTED):
            return 0
        states = load_states(
            UsageRecord.objects.using(entry.using).values_list("hook_state", flat=True).get(pk=entry.pk)
        )
        for hook in hooks:
            hook.settling(entry.using, entry, states.get(hook.name), outcome, was_interrupted=was_interrupted)
    return 1


def load_states(text: str | None) -> dict[str, str]:
    """The column `hook_state` by name of the hook."""
    return {} if text is None else msgspec.json.decode(text, type=dict[str, str])


def _dump(states: Mapping[str, Any]) -> str | None:
    kept = {name: state for name, state in states.items() if state is not None}
    return msgspec.json.encode(kept).decode() if kept else None
