"""Plans of the database, to show that no query reads the whole ledger."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from threadless.usage.models import UsageRecord

TABLE = UsageRecord._meta.db_table
_ENDS_EARLY = ("Limit", "Nested Loop", "Index Scan", "Index Only Scan", "Subquery Scan", "Incremental Sort", "LockRows")


def whole_reads(run: Callable[[], Any], bound: int) -> list[str]:
    """The queries of `run` that may read all records: those whose plan has no bound below this number of rows.

    Raises `AssertionError` if none of its queries names the ledger.
    """
    with CaptureQueriesContext(connection) as captured:
        run()
    asked = [sql for each in captured if TABLE in (sql := _without_insert(each["sql"]))]
    assert asked, "no query of the ledger"
    plans: dict[str, Callable[[str], Iterator[str]]] = {
        "sqlite": _sqlite,
        "postgresql": _postgresql,
        "mysql": partial(_mariadb, bound=bound),
    }
    found = plans[connection.vendor]
    return [f"{sql}\n{step}" for sql in asked for step in found(sql)]


def _without_insert(sql: str) -> str:
    """The SELECT of an INSERT … SELECT. An INSERT of values reads nothing."""
    return sql[sql.find("SELECT") :] if sql.startswith("INSERT") and "SELECT" in sql else sql


def _rows(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def _sqlite(sql: str) -> Iterator[str]:
    """A scan is allowed in the order of an index, if it ends with the rows of a page."""
    for *_, step in _rows(f"EXPLAIN QUERY PLAN {sql}"):
        is_scan = step.startswith(f"SCAN {TABLE}") and ("USING" not in step or "LIMIT" not in sql)
        if is_scan or (step == "USE TEMP B-TREE FOR ORDER BY" and "LIMIT" in sql):
            yield step


def _postgresql(sql: str) -> Iterator[str]:
    [(plans,)] = _rows(f"EXPLAIN (FORMAT JSON) {sql}")
    plans = json.loads(plans) if isinstance(plans, str) else plans
    yield from _unbounded(plans[0]["Plan"], is_limited=False)


def _unbounded(node: dict[str, Any], *, is_limited: bool) -> Iterator[str]:
    """Nodes that read the ledger without a condition on an index, where no limit ends them after a page."""
    kind = node["Node Type"]
    is_limited = kind == "Limit" or (is_limited and kind in _ENDS_EARLY)
    if node.get("Relation Name") == TABLE and kind != "ModifyTable":
        is_ordered = is_limited and kind.startswith("Index") and "Filter" not in node
        if not (is_ordered or "Index Cond" in node or kind == "Bitmap Heap Scan"):
            yield json.dumps(node)
    for child in node.get("Plans", ()):
        yield from _unbounded(child, is_limited=is_limited)


def _mariadb(sql: str, bound: int) -> Iterator[str]:
    """Reads without a condition on any index. With one, a small table may still be cheaper to read as a whole."""
    for _, _, table, access, *rest in _rows(f"EXPLAIN {sql}"):
        possible_keys, rows = (rest[0], rest[4]) if len(rest) > 4 else (None, 0)
        if table == TABLE and possible_keys is None and access in ("ALL", "index") and int(rows or 0) > bound:
            yield str((access, rest))
