"""System checks of the databases, for `check --deploy`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.core.checks import CheckMessage, register
from django.core.checks import Warning as CheckWarning
from django.db import connections

from threadless.db.connections import aliases_with_long_waits, persistent_aliases

_SQLITE_SECONDS: Final = 5.0
"""The default of Python's sqlite3."""
_PGBOUNCER_PORT: Final = "6432"


@register("threadless", deploy=True)
def check_connections(**kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Warn about persistent connections. A call closes its connection before it waits for an upstream."""
    hint = "Set CONN_MAX_AGE to 0. On PostgreSQL, also set OPTIONS['pool'], which gevent and ASGI servers need anyway."
    return [
        CheckWarning(
            f"Database {alias!r} has persistent connections but no connection pool.", hint=hint, id="threadless.W002"
        )
        for alias in persistent_aliases()
    ]


@register("threadless", deploy=True)
def check_sqlite(**kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Warn about long waits for a lock of SQLite. They happen in C, where gevent cannot switch to another call."""
    hint = f"Set OPTIONS['timeout'] to {_SQLITE_SECONDS:g} seconds or less, or use PostgreSQL."
    return [
        CheckWarning(f"Database {alias!r} may stop a gevent worker at each lock.", hint=hint, id="threadless.W004")
        for alias in aliases_with_long_waits(_SQLITE_SECONDS)
    ]


@register("threadless", deploy=True)
def check_pgbouncer(**kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Warn about prepared statements behind PgBouncer in transaction mode: they fail on another connection."""
    hint = "Remove OPTIONS['prepare_threshold'], or set max_prepared_statements in PgBouncer 1.21 or newer."
    return [
        CheckWarning(
            f"Database {alias!r} prepares statements behind PgBouncer, which may not find them on its connections.",
            hint=hint,
            id="threadless.W008",
        )
        for alias, database in connections.settings.items()
        if _is_behind_pgbouncer(database) and (database.get("OPTIONS") or {}).get("prepare_threshold") is not None
    ]


def _is_behind_pgbouncer(database: Mapping[str, Any]) -> bool:
    """Whether the settings look like those for PgBouncer: its port, or what its transaction mode needs."""
    return str(database.get("PORT")) == _PGBOUNCER_PORT or bool(database.get("DISABLE_SERVER_SIDE_CURSORS"))
