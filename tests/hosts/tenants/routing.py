"""The tenant of a request is known by its host name, and lives in a context variable."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest, HttpResponse

PRIMARY = {"south.example": "south"}
_database = ContextVar("database", default="default")


@contextmanager
def tenant(database: str) -> Iterator[None]:
    """Choose a tenant by its database."""
    token = _database.set(database)
    try:
        yield
    finally:
        _database.reset(token)


def tenant_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Choose the database of the tenant."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with tenant(PRIMARY.get(request.get_host().partition(":")[0], "default")):
            return get_response(request)

    return middleware


class TenantRouter:
    """Each tenant has all tables in its own database. Only data of the platform itself is read from the replica."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        database = _database.get()
        is_ours = model._meta.app_label.startswith("threadless")
        return "replica" if database == "default" and not is_ours else database

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return _database.get()

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db != "replica"
