"""Database connections are given back before an upstream is waited for: a stream may take minutes."""

from __future__ import annotations

from django.db import connections


def release_connections() -> None:
    """Close this thread's connections (to their pool, if they have one), save those inside a transaction.

    Django opens them again at the next query.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
