"""Distinguishes an unavailable database from other failures."""

from __future__ import annotations

from typing import Final

from django.db import InterfaceError, OperationalError

_DEADLOCKS: Final = (1213, "40P01")
"""The codes of MariaDB and PostgreSQL."""


def is_unavailable(error: BaseException) -> bool:
    """True for a lost or refused connection, an exhausted pool, or a lock timeout."""
    return isinstance(error, InterfaceError | OperationalError)


def is_deadlock(error: BaseException) -> bool:
    """True if the database ended the transaction because it waited for another one that waited for it."""
    cause = error.__cause__
    codes = (*getattr(cause, "args", ())[:1], getattr(cause, "sqlstate", None))
    return isinstance(error, OperationalError) and any(code in _DEADLOCKS for code in codes)
