"""Tenants with their own schema in one database, as django-tenants makes them.

Such a package keeps the tenant on the connection, and a connection belongs to one thread. So work in another thread
takes the tenant along, and what a process remembers of a database it remembers for each schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")


def place(using: str) -> str:
    """A name for the tables that this thread sees in a database: its alias, and the tenant's schema if there is one."""
    schema = getattr(connections[using], "schema_name", None) if _has_schemas(using) else None
    return f"{using}/{schema}" if schema else using


@cache
def _has_schemas(using: str) -> bool:
    """True if each tenant has a schema in this database. A call asks five times, so the connection is asked once."""
    return hasattr(connections[using], "schema_name")


def keep_tenants(work: Callable[P, T]) -> Callable[P, T]:
    """`work`, for another thread: it runs there with the tenants of this thread."""
    tenants = {each.alias: each.tenant for each in _connections() if each.tenant is not None}
    if not tenants:
        return work

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with _entered(tenants):
            return work(*args, **kwargs)

    return run


def _connections() -> list[Any]:
    return [each for each in connections.all(initialized_only=True) if hasattr(each, "set_tenant")]


@contextmanager
def _entered(tenants: Mapping[str, Any]) -> Iterator[None]:
    each: Any
    changed = [(each := connections[alias], each.tenant, tenant) for alias, tenant in tenants.items()]
    for each, _, tenant in changed:
        each.set_tenant(tenant)
    try:
        yield
    finally:
        for each, before, _ in changed:
            each.set_tenant(before)
