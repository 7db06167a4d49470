"""Databases as a release left them: its schema, filled by SQL, because the models may have changed since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management import call_command
from django.db import connection


def go_back(app: str, migration: str) -> None:
    """Give the tables of an app the schema of this migration."""
    call_command("migrate", app, migration, verbosity=0)


def upgrade(app: str) -> None:
    """Run all migrations of an app."""
    call_command("migrate", app, verbosity=0)


def insert(table: str, row: Mapping[str, Any]) -> None:
    """Insert a row. Times are text in UTC, which every database reads."""
    names = ", ".join(map(connection.ops.quote_name, row))
    places = ", ".join(["%s"] * len(row))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {connection.ops.quote_name(table)} ({names}) VALUES ({places})", [*row.values()])
