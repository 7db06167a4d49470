"""Distinguishes an unavailable database from other failures."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError


def is_unavailable(error: BaseException) -> bool:
    """True for a lost or refused connection, an exhausted pool, or a lock timeout."""
    return isinstance(error, InterfaceError | OperationalError)
