"""System checks of the database that holds the budgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections, router

from threadless.usage.models import UsageRecord

_LEVELS: Final = {1: "read uncommitted", 2: "read committed", 3: "repeatable read", 4: "serializable"}
"""The numbers of psycopg's `IsolationLevel`."""
_REFUSED: Final = ("repeatable read", "serializable")


@register("threadless")
def check_configured_isolation(**kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Check that the settings of the database name no unsuitable isolation level."""
    using = router.db_for_write(UsageRecord)
    return _check_level(using, _configured_level(using))


@register(Tags.database)
def check_isolation(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Ask the database for its isolation level, which may also be set at the server or for the role."""
    using = router.db_for_write(UsageRecord)
    return _check_level(using, _level_of_server(using)) if using in (databases or ()) else []


def _check_level(using: str, level: str) -> list[CheckMessage]:
    if level not in _REFUSED:
        return []
    text = f"Database {using!r} has the isolation level {level}, under which parallel calls of one budget fail."
    return [Error(text, hint="Use read committed.", id="threadless.E040")]


def _configured_level(using: str) -> str:
    """The level in the settings; empty if the database decides."""
    level = connections[using].settings_dict.get("OPTIONS", {}).get("isolation_level")
    if isinstance(level, str):
        return level.lower()
    return _LEVELS.get(getattr(level, "value", level), "")


def _level_of_server(using: str) -> str:
    connection: Any = connections[using]
    if connection.vendor not in ("postgresql", "mysql"):
        return ""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SHOW transaction_isolation")
        else:
            cursor.execute("SELECT @@tx_isolation" if connection.mysql_is_mariadb else "SELECT @@transaction_isolation")
        [level] = cursor.fetchone()
    return str(level).lower().replace("-", " ")
