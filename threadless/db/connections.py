"""Returns database connections before something slow starts, such as a stream of several minutes.

`release_connections` is public: hosts can call it in their own threads and before their own slow calls.
"""

from __future__ import annotations

from typing import Any

from django.db import connections


def release_connections(*, keep_files: bool = False) -> None:
    """Close the connections of this thread, or return them to their pool, except those inside a transaction.

    Django opens them again at the next query. With `keep_files`, connections to SQLite stay open unless they have a
    pool: they occupy no server, and opening one takes 0.65 ms, half as long as a plain call.
    """
    for connection in connections.all(initialized_only=True):
        if not (connection.in_atomic_block or (keep_files and _is_lone_file(connection))):
            connection.close()


def _is_lone_file(connection: Any) -> bool:
    return connection.vendor == "sqlite" and not getattr(connection, "pool", None)


def persistent_aliases() -> list[str]:
    """The databases whose connections outlive a request but have no pool."""
    return [
        alias
        for alias, database in connections.settings.items()
        if database.get("CONN_MAX_AGE") != 0 and not (database.get("OPTIONS") or {}).get("pool")
    ]


def aliases_with_long_waits(seconds: float) -> list[str]:
    """The databases of Django's SQLite backend that wait for a lock for longer than this."""
    return [
        alias
        for alias, database in connections.settings.items()
        if database.get("ENGINE") == "django.db.backends.sqlite3"
        and (database.get("OPTIONS") or {}).get("timeout", 0) > seconds
    ]
