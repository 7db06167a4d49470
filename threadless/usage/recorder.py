"""`DatabaseUsageRecorder`: the ledger in the host's database."""

from __future__ import annotations

import logging
from typing import Any

from django.db import DatabaseError, InterfaceError, connections, router, transaction

from threadless.db.connections import release_connections
from threadless.usage import ledger_sql, retries, sweep
from threadless.usage.base import BaseUsageRecorder, FinalState, Opening, Outcome
from threadless.usage.columns import opening_columns, outcome_columns
from threadless.usage.models import UsageRecord

logger = logging.getLogger("threadless.usage")

__all__ = ["BaseUsageRecorder", "DatabaseUsageRecorder", "FinalState", "Opening", "Outcome"]


class DatabaseUsageRecorder(BaseUsageRecorder):
    """One `UsageRecord` a call, committed before the upstream is asked."""

    def open(self, opening: Opening) -> int:
        """The primary key of a committed row; raises `RuntimeError` inside a transaction, where a row can vanish."""
        connection = connections[router.db_for_write(UsageRecord)]
        _check_durable(connection)
        entry = ledger_sql.insert(connection, opening_columns(opening))
        release_connections(keep_files=not opening.is_stream)
        return entry

    def settle(self, entry: int, outcome: Outcome) -> None:
        """Write the outcome, or leave it to the retry thread while the database is away."""
        values = outcome_columns(outcome)
        try:
            ledger_sql.settle(entry, values)
            sweep.sweep_sometimes()
        except (DatabaseError, InterfaceError):
            logger.warning("Usage record %s is settled later: the database did not take it.", entry)
            retries.retry_settlement(entry, values, ledger_sql.settle)


def _check_durable(connection: Any) -> None:
    """Raise `RuntimeError` inside a transaction that could take the row with it; those of tests are none."""
    if connection.in_atomic_block:
        with transaction.atomic(using=connection.alias, durable=True):
            pass
