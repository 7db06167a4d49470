"""One statement that writes a usage record and what a ledger hook keeps beside it.

PostgreSQL can do that, and then needs no transaction around both: no BEGIN, no COMMIT, one round trip instead of four.
The UPDATE of the hook is a part of the statement, so that both are committed or neither is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from django.core.signals import setting_changed
from django.db import connections
from django.dispatch import receiver

from threadless.db.prepared import Statement, first_row
from threadless.usage import ledger_sql
from threadless.usage.base import Entry

_VALUES: Final = " VALUES ("
_RETURNING: Final = ") RETURNING "


class Update(NamedTuple):
    """An UPDATE of a table of a hook."""

    sql: str
    """Ends with its WHERE clause."""
    params: tuple[Any, ...]


_joined: Final[dict[tuple[str, str, str], Statement | None]] = {}
"""By database, the statement of the record and that of the hook; None if they cannot be joined."""


@receiver(setting_changed)
def _forget(**kwargs: Any) -> None:  # noqa: ARG001
    _joined.clear()
    is_possible.cache_clear()


@cache
def is_possible(using: str) -> bool:
    """Whether one statement of this database can write to two tables."""
    return bool(connections[using].vendor == "postgresql")


def insert_with(connection: Any, values: Mapping[str, Any], update: Update) -> int | None:
    """Run the UPDATE and, if it changes rows, insert the record. Returns its primary key, or None without one."""
    insert = ledger_sql.insert_statement(connection)
    if insert is None or (statement := _statement(connection.alias, insert.sql, update.sql)) is None:
        return None
    row = statement.run(connection, [*update.params, *ledger_sql.insert_params(connection, values)], first_row)
    return None if row is None else int(row[0])


def settle_with(connection: Any, entry: Entry, values: Mapping[str, Any], update: Update) -> bool:
    """Settle the record if it is open and has the hooks' state of its opening, and then run the UPDATE.

    False if it is not, or if the statements cannot be joined. Nothing has changed then.
    """
    settle = ledger_sql.settle_known_statement(entry.using, values)
    if settle is None or (statement := _statement(entry.using, settle.sql, update.sql)) is None:
        return False
    params = [*ledger_sql.settle_known_params(connection, entry, values), *update.params]
    return statement.run(connection, params, first_row) is not None


def _statement(using: str, record: str, update: str) -> Statement | None:
    key = (using, record, update)
    if key not in _joined:
        joined = _insert(record, update) if record.startswith("INSERT") else _settle(record, update)
        _joined[key] = None if joined is None else Statement(joined)
    return _joined[key]


def _insert(record: str, update: str) -> str | None:
    """`INSERT … VALUES (…) RETURNING …` becomes an `INSERT … SELECT` that depends on the UPDATE."""
    head, _, rest = record.partition(_VALUES)
    values, _, returned = rest.rpartition(_RETURNING)
    if not values:
        return None
    return (
        f"WITH booked AS ({update} RETURNING 1) "  # noqa: S608
        f"{head} SELECT {values} WHERE EXISTS (SELECT 1 FROM booked) RETURNING {returned}"
    )


def _settle(record: str, update: str) -> str:
    """The record is locked first, as in every other transaction, because the UPDATE waits for `settled`."""
    return (
        f"WITH settled AS ({record} RETURNING 1 AS one), "  # noqa: S608
        f"booked AS ({update} AND EXISTS (SELECT 1 FROM settled)) SELECT one FROM settled"
    )
