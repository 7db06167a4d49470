"""The statements of the ledger, compiled once per process. Every call inserts its record and settles it.

Compiling them for each call would take longer than running them. If Django compiles them in an unexpected way, the ORM
is used instead, which is slower.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from django.core.signals import setting_changed
from django.db import Error, connections, models
from django.db.models import sql
from django.dispatch import receiver
from django.utils import timezone

from threadless.db.prepared import Statement, first_row, row_count
from threadless.usage.base import Entry
from threadless.usage.models import UsageRecord

logger = logging.getLogger("threadless.usage")

OPEN: Final = (UsageRecord.State.OPEN.value,)
INTERRUPTED: Final = (UsageRecord.State.INTERRUPTED.value,)
PROVISIONAL: Final = (*OPEN, *INTERRUPTED)

_FIELDS: Final[dict[str, Any]] = {
    field.attname: field for field in UsageRecord._meta.concrete_fields if not field.primary_key
}
_DEFAULTS: Final = {
    name: field.get_prep_value(field.get_default())
    for name, field in _FIELDS.items()
    if not field.null or name in ("user_id", "hook_state")
}
"""The columns of a new record with their defaults. Other columns are left out to save time, and become NULL."""
_TIMES: Final = ("opened_at", "deadline")
"""With `user_id`, the columns whose values must be converted for the database. Other values are passed unchanged."""

_inserts: Final[dict[str, Statement | None]] = {}
_updates: Final[dict[str, Statement | None]] = {}
_known_updates: Final[dict[str, Statement | None]] = {}
"""Statements by database; None if the ORM must be used. The last ones also compare the hooks' state."""


@receiver(setting_changed)
def _forget(**kwargs: Any) -> None:  # noqa: ARG001
    _inserts.clear()
    _updates.clear()
    _known_updates.clear()


def insert(connection: Any, values: Mapping[str, Any]) -> int:
    """Insert a record with these columns (attribute names) and the defaults of the others. Returns its primary key.

    Committed immediately if the connection is in autocommit mode.
    """
    statement = insert_statement(connection)
    if statement is None:
        record = UsageRecord(**values)
        record.save(using=connection.alias, force_insert=True)
        return int(record.pk)
    read = returned_id if connection.features.can_return_columns_from_insert else _last_id
    return statement.run(connection, insert_params(connection, values), read)


def insert_statement(connection: Any) -> Statement | None:
    """The statement of `insert`; None if the ORM must be used."""
    using = connection.alias
    return _inserts[using] if using in _inserts else _compile(_inserts, using, _insert_sql)


def insert_params(connection: Any, values: Mapping[str, Any]) -> list[Any]:
    """Its parameters."""
    row = {**_DEFAULTS, **values}
    row["user_id"] = _FIELDS["user_id"].get_db_prep_save(row["user_id"], connection)
    for name in _TIMES:
        row[name] = connection.ops.adapt_datetimefield_value(row[name])
    return list(row.values())


def settle(entry: Entry, values: Mapping[str, Any], states: tuple[str, ...] = PROVISIONAL) -> int:
    """Write these columns and the time of settlement if the record is in one of these states.

    Each call must have the same columns. Returns the number of changed records, 0 or 1.
    """
    using = entry.using
    connection = connections[using]
    statement = _updates[using] if using in _updates else _compile(_updates, using, partial(_update_sql, names=values))
    if statement is None:
        records = UsageRecord.objects.using(entry.using).filter(
            pk=entry.pk, request_id=entry.request_id, state__in=states
        )
        return records.update(**values, settled_at=timezone.now())
    return statement.run(connection, _settle_params(connection, entry, values, states), row_count)


def settle_known(entry: Entry, values: Mapping[str, Any]) -> int:
    """Settle an open record whose hooks' state is still that of its opening, so that nobody needs to read it."""
    connection = connections[entry.using]
    statement = settle_known_statement(entry.using, values)
    if statement is None or entry.hook_state is None:
        return 0
    return statement.run(connection, settle_known_params(connection, entry, values), row_count)


def settle_known_statement(using: str, names: Iterable[str]) -> Statement | None:
    """The statement of `settle_known`; None if the ORM must be used."""
    if using in _known_updates:
        return _known_updates[using]
    return _compile(_known_updates, using, partial(_update_sql, names=names, compares_hook_state=True))


def settle_known_params(connection: Any, entry: Entry, values: Mapping[str, Any]) -> list[Any]:
    """Its parameters."""
    return [*_settle_params(connection, entry, values, OPEN), entry.hook_state]


def _settle_params(connection: Any, entry: Entry, values: Mapping[str, Any], states: tuple[str, ...]) -> list[Any]:
    settled_at = connection.ops.adapt_datetimefield_value(timezone.now())
    states = states if len(states) == len(PROVISIONAL) else states * len(PROVISIONAL)
    return [*values.values(), settled_at, entry.pk, entry.request_id, *states]


def unexpected_statements(using: str, names: Iterable[str]) -> list[str]:
    """The statements that must use the ORM on this database: `insert`, `update`. For the checks."""
    compiled = {
        "insert": _compile(_inserts, using, _insert_sql),
        "update": _compile(_updates, using, partial(_update_sql, names=names)),
    }
    return [name for name, statement in compiled.items() if statement is None]


def _compile(kept: dict[str, Statement | None], using: str, build: Callable[[str], str]) -> Statement | None:
    try:
        kept[using] = Statement(build(using))
    except Error:  # the database cannot be reached, so nothing is known about the statement
        raise
    except Exception:
        logger.exception("Usage records are written through the ORM, which is slower: Django's SQL is unexpected.")
        kept[using] = None
    return kept[using]


def _insert_sql(using: str) -> str:
    query = sql.InsertQuery(UsageRecord)
    fields = [_FIELDS[name] for name in _DEFAULTS]
    query.insert_values(fields, [UsageRecord()], raw=True)
    compiler: Any = query.get_compiler(using=using)
    if compiler.connection.features.can_return_columns_from_insert:
        compiler.returning_fields = [UsageRecord._meta.pk]
    [(statement, params)] = compiler.as_sql()
    columns = ", ".join(compiler.connection.ops.quote_name(field.column) for field in fields)
    if f"({columns})" not in statement or len(params) != len(fields):
        raise RuntimeError(f"Unexpected columns: {statement}")
    return str(statement)


def _update_sql(using: str, names: Iterable[str], *, compares_hook_state: bool = False) -> str:
    fields = [*(_FIELDS[name] for name in names), _FIELDS["settled_at"]]
    # Django writes NULL into the SQL for None. All values differ, so that their order can be verified.
    values = {field.attname: _probe(field, number) for number, field in enumerate(fields)}
    number, text = len(fields), str(len(fields) + 1)
    records = UsageRecord.objects.using(using).filter(pk=number, request_id=text, state__in=PROVISIONAL)
    if compares_hook_state:
        records = records.filter(hook_state=text)
    query: Any = records.query.chain(sql.UpdateQuery)
    query.add_update_values(values)
    statement, params = query.get_compiler(using=using).as_sql()
    prepared = [field.get_db_prep_save(values[field.attname], connections[using]) for field in fields]
    if list(params) != [*prepared, number, text, *PROVISIONAL, *([text] if compares_hook_state else [])]:
        raise RuntimeError(f"Unexpected parameters: {statement}")
    return str(statement)


def _probe(field: Any, number: int) -> Any:
    if isinstance(field, models.DateTimeField):
        moment = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=number)
        return moment if timezone.is_aware(timezone.now()) else moment.replace(tzinfo=None)
    return str(number) if isinstance(field, models.CharField) else number


def returned_id(cursor: Any) -> int:
    """The primary key that the statement returns."""
    return int(first_row(cursor)[0])


def _last_id(cursor: Any) -> int:
    return int(cursor.lastrowid)
