"""One statement that changes several counters, for databases that can also write the usage record in it.

In a transaction with one UPDATE per counter, a call holds the first counter's lock while it waits for the answers to
the other statements. Each call of a busy budget would wait for all of these round trips of the call before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from threadless.budgets.models import Counter
from threadless.usage.joint_sql import Update

LOCK_SECONDS: Final = 2
"""How long a call waits for a counter that another transaction has locked. SQLite waits for its `timeout`."""
PATIENCE: Final = f"patience AS MATERIALIZED (SELECT set_config('lock_timeout', '{LOCK_SECONDS}s', true))"
"""Limits the time of a lock in the same statement, on PostgreSQL."""

_TABLE: Final = f'"{Counter._meta.db_table}"'
_ROW: Final = "(%s::bigint, %s::bigint, %s::bigint)"
_ALL_HAVE_ROOM: Final = " AND (SELECT count(*) = {number} AND bool_and(has_room) FROM locked)"
_SQL: Final = """\
WITH {patience}, locked AS MATERIALIZED (
    SELECT counter.id, change.spent, change.reserved,
        counter.spent + counter.reserved + change.reserved <= counter."limit" AS has_room
    FROM patience, (VALUES {rows}) AS change (id, spent, reserved) JOIN {table} AS counter ON counter.id = change.id
    ORDER BY counter.id FOR NO KEY UPDATE OF counter
) UPDATE {table} AS counter SET spent = counter.spent + locked.spent, reserved = counter.reserved + locked.reserved
FROM locked WHERE counter.id = locked.id"""


class Change(NamedTuple):
    """What is added to a counter."""

    counter: int
    spent: int
    reserved: int


def changing(changes: Sequence[Change], *, if_all_have_room: bool) -> Update:
    """An UPDATE that makes these changes. `if_all_have_room`: only if all counters exist and have room for them."""
    sql = _sql(len(changes), if_all_have_room)
    return Update(sql, tuple([value for change in changes for value in change]))


@cache
def _sql(number: int, if_all_have_room: bool) -> str:
    """The counters are locked in the order of their ids. `locked` has the values that they have then."""
    sql = _SQL.format(patience=PATIENCE, rows=", ".join([_ROW] * number), table=_TABLE)
    return sql + _ALL_HAVE_ROOM.format(number=number) if if_all_have_room else sql
