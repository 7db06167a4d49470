"""`LedgerHook`: writes of an app in the same transaction as a usage record."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import date
from functools import cache
from typing import Any, ClassVar, Final

import msgspec
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db import OperationalError, connections, transaction
from django.dispatch import receiver

from threadless.db.errors import is_deadlock
from threadless.db.prepared import Statement, first_row
from threadless.encoding import encode
from threadless.exceptions import Overloaded
from threadless.extensions import additions
from threadless.usage import joint_sql, ledger_sql
from threadless.usage.base import Entry, Opening, Outcome
from threadless.usage.columns import opening_columns, outcome_columns
from threadless.usage.joint_sql import Update
from threadless.usage.models import UsageRecord

_MAX_ATTEMPTS: Final = 20
_STATE: Final = Statement(f"SELECT hook_state FROM {UsageRecord._meta.db_table} WHERE id = %s")  # noqa: S608
"""Prepared, because each settlement with hooks runs it."""
APP_ATTRIBUTE = "threadless_ledger_hooks"
"""The attribute of an `AppConfig` that lists its hooks, as classes or dotted paths."""


class TryAgain(Exception):
    """Raised by `LedgerHook.opening`: roll the transaction back and call all hooks again."""


class LedgerHook:
    """Writes to its own tables in the transactions that write usage records. `DatabaseUsageRecorder` runs it.

    One instance serves all threads of a process. Each method may run again after a rollback. It must write to the
    database `using`. It must not wait for a cache, a socket, or locks in another order: under gevent the process would
    stand still. Lock usage records first, then other rows by ID.

    `state` is the text that `opening` returned. It is stored with the record and passed to the other methods. It is
    None if `opening` returned None or the app was not installed then.
    """

    name: ClassVar[str] = ""
    """Key of the state in the record. Must be unique among the installed hooks and must never change."""
    only_late: ClassVar[bool] = False
    """If True, the hook takes part in calls only by `settling` records that were interrupted. Such hooks cost an
    ordinary call nothing: it has no transaction for them."""
    only_reserved: ClassVar[bool] = False
    """If True, the hook takes part only in the opening of calls for which a gate has put something into
    `Opening.reservations` under its name, and in the settlement of those for which it has a state. Other calls have no
    transaction for it."""

    def opening_update(self, using: str, opening: Opening) -> tuple[Update, str] | None:
        """One UPDATE that does all that `opening` would do, and the state. None: call `opening`.

        Where the database can do both in one statement, which costs less than a transaction, the UPDATE runs with the
        INSERT of the record. If it changes no row, there is no record, and `opening` is called. Only for hooks that
        need no `opened`, and only if no other hook takes part in the call.
        """
        return None

    def settling_update(self, using: str, state: str, outcome: Outcome) -> Update | None:
        """One UPDATE that does all that `settling` would do for a record that was open. None: call `settling`."""
        return None

    def opening(self, using: str, opening: Opening) -> str | None:
        """Called before the record is inserted. May raise an `APIError` to refuse the call, or `TryAgain`.

        What a gate left for this hook is in `opening.reservations`, under the hook's name.
        """
        return None

    def opened(self, using: str, entry: Entry, state: str | None) -> None:
        """Called after the record was inserted."""

    def settling(self, using: str, entry: Entry, state: str | None, outcome: Outcome, *, was_interrupted: bool) -> None:
        """Called exactly once, when the record becomes final. `was_interrupted`: `interrupting` was called before."""

    def interrupting(self, using: str, states: Mapping[Entry, str | None]) -> None:
        """Called when a sweep marks records as interrupted, in the order of their primary keys."""

    def sweeping(self, using: str) -> None:
        """Called about once a minute in each process that serves calls, in a thread beside them, and by the command
        `threadless_sweep`. Outside of a transaction. Errors are logged."""

    def purging(self, using: str, before: date) -> None:
        """Called before the final records of all days before this one are deleted, outside of a transaction.

        Called again for records that an earlier run did not delete. An error prevents the deletion.
        """

    def erasing(self, using: str, user_id: Any) -> None:
        """Called after a person was removed from the records: remove them from your tables, too. Keep sums right.

        Called again if the command is repeated. Outside of a transaction.
        """


@cache
def ledger_hooks() -> tuple[LedgerHook, ...]:
    """The hooks of the installed apps. Raises `ImproperlyConfigured` if one is invalid."""
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


@cache
def call_hooks() -> tuple[LedgerHook, ...]:
    """The hooks that take part in every call."""
    return tuple(hook for hook in ledger_hooks() if not hook.only_late)


@receiver(setting_changed)
def _forget(**kwargs: Any) -> None:  # noqa: ARG001
    ledger_hooks.cache_clear()
    call_hooks.cache_clear()


def open_record(connection: Any, opening: Opening) -> Entry:
    """Insert the record of a call: with hooks in one transaction, without hooks in autocommit mode."""
    using, columns = connection.alias, opening_columns(opening)
    hooks = _taking_part(call_hooks(), opening.reservations)
    if not hooks:
        return Entry(using, ledger_sql.insert(connection, columns), columns["request_id"], has_hooks=False)
    if (entry := _open_in_one(connection, opening, columns, hooks)) is not None:
        return entry
    for attempt in range(_MAX_ATTEMPTS):
        try:
            return _open_with_hooks(connection, opening, columns, hooks)
        except TryAgain:
            continue
        except OperationalError as error:
            if attempt or not is_deadlock(error):
                raise
    raise Overloaded


def _open_with_hooks(
    connection: Any, opening: Opening, columns: dict[str, Any], hooks: tuple[LedgerHook, ...]
) -> Entry:
    using = connection.alias
    with transaction.atomic(using=using, durable=True):
        states = {hook.name: hook.opening(using, opening) for hook in hooks}
        state = _dump(states)
        pk = ledger_sql.insert(connection, columns | {"hook_state": state})
        entry = Entry(using, pk, columns["request_id"], hook_state=state)
        for hook in hooks:
            hook.opened(using, entry, states[hook.name])
    return entry


def _taking_part(hooks: tuple[LedgerHook, ...], names: Container[str]) -> tuple[LedgerHook, ...]:
    """The hooks that take part in a call for which these have a reservation or a state."""
    return tuple([hook for hook in hooks if not hook.only_reserved or hook.name in names])


def _only_hook(using: str, hooks: tuple[LedgerHook, ...]) -> LedgerHook | None:
    """The hook whose UPDATE may run in the statement of the record."""
    return hooks[0] if joint_sql.is_possible(using) and len(hooks) == 1 else None


def _open_in_one(
    connection: Any, opening: Opening, columns: dict[str, Any], hooks: tuple[LedgerHook, ...]
) -> Entry | None:
    using = connection.alias
    hook = _only_hook(using, hooks)
    found = None if hook is None else hook.opening_update(using, opening)
    if hook is None or found is None:
        return None
    update, state = found
    hook_state = _dump({hook.name: state})
    pk = joint_sql.insert_with(connection, columns | {"hook_state": hook_state}, update)
    return None if pk is None else Entry(using, pk, columns["request_id"], hook_state=hook_state)


def _settle_in_one(entry: Entry, columns: Mapping[str, Any], outcome: Outcome) -> bool:
    states = load_states(entry.hook_state)
    hook = _only_hook(entry.using, _taking_part(call_hooks(), states))
    state = None if hook is None else states.get(hook.name)
    if hook is None or state is None or (update := hook.settling_update(entry.using, state, outcome)) is None:
        return False
    return joint_sql.settle_with(connections[entry.using], entry, columns, update)


def settle_record(entry: Entry, outcome: Outcome) -> int:
    """Make a record final. Returns 1, or 0 if it was already final or does not exist."""
    columns = outcome_columns(outcome)
    hooks = ledger_hooks()
    if not hooks:
        return ledger_sql.settle(entry, columns)
    if not (entry.has_hooks and call_hooks()) and ledger_sql.settle(entry, columns, ledger_sql.OPEN):
        return 1
    if _settle_in_one(entry, columns, outcome):
        return 1
    with transaction.atomic(using=entry.using, durable=True):
        # The update comes first: it locks the record and shows which state it had.
        is_known = bool(ledger_sql.settle_known(entry, columns))
        was_interrupted = not (is_known or ledger_sql.settle(entry, columns, ledger_sql.OPEN))
        if was_interrupted and not ledger_sql.settle(entry, columns, ledger_sql.INTERRUPTED):
            return 0
        states = load_states(entry.hook_state if is_known else _read_state(entry))
        for hook in _taking_part(hooks if was_interrupted else call_hooks(), states):
            hook.settling(entry.using, entry, states.get(hook.name), outcome, was_interrupted=was_interrupted)
    return 1


def _read_state(entry: Entry) -> str | None:
    [state] = _STATE.run(connections[entry.using], [entry.pk], first_row)
    found: str | None = state
    return found


def replace_state(entry: Entry, name: str, state: str) -> bool:
    """Replace the state of one hook during a call. False if the record is no longer open.

    Call it first in a transaction, before other rows are locked.
    """
    record = UsageRecord.objects.using(entry.using).filter(pk=entry.pk, state=UsageRecord.State.OPEN)
    if not record.update(state=UsageRecord.State.OPEN):  # locks the record
        return False
    states = load_states(record.values_list("hook_state", flat=True).get())
    record.update(hook_state=_dump({**states, name: state}))
    return True


def load_states(text: str | None) -> dict[str, str]:
    """The states in the column `hook_state`, by name of the hook."""
    return {} if text is None else msgspec.json.decode(text, type=dict[str, str])


def _dump(states: Mapping[str, Any]) -> str | None:
    kept = {name: state for name, state in states.items() if state is not None}
    return encode(kept).decode() if kept else None
