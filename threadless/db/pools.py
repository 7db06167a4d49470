"""Has a pool check its idle connections after a call has got a lost one.

After a restart of PostgreSQL, the pool of psycopg learns of each lost connection only when a call gets it. Without this
module each of these calls fails, even minutes after the restart.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from django.db import connections

_checking: Final[set[int]] = set()
"""Pools whose connections are being checked, by `id`."""


def check_idle_connections() -> None:
    """Replace the lost connections of the pools that this thread uses, in a thread beside the calls."""
    for connection in connections.all(initialized_only=True):
        pool: Any = getattr(connection, "pool", None)
        if _is_of_psycopg(pool) and id(pool) not in _checking and pool.get_stats()["pool_available"]:
            _start_check(pool)


def _start_check(pool: Any) -> None:
    _checking.add(id(pool))
    try:
        threading.Thread(target=_check, args=(pool,), name="threadless-pool", daemon=True).start()
    except RuntimeError:  # no thread is left: the next call that gets a lost connection tries again
        _checking.discard(id(pool))


def _is_of_psycopg(pool: Any) -> bool:
    return type(pool).__module__.startswith("psycopg_pool.")


def _check(pool: Any) -> None:
    try:
        pool.check()
    finally:
        _checking.discard(id(pool))
