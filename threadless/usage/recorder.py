"""`DatabaseUsageRecorder`: the ledger in the host's database."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from django.db import connections, router, transaction

from threadless.db.connections import release_connections
from threadless.db.tenants import keep_tenants
from threadless.exceptions import APIError
from threadless.usage import hooks, retries, sweep
from threadless.usage.base import BaseUsageRecorder, Entry, FinalState, Opening, Outcome
from threadless.usage.models import UsageRecord

logger = logging.getLogger("threadless.usage")

__all__ = ["BaseUsageRecorder", "DatabaseUsageRecorder", "Entry", "FinalState", "Opening", "Outcome"]


class DatabaseUsageRecorder(BaseUsageRecorder):
    """One `UsageRecord` per call, committed before the upstream is called."""

    runs_ledger_hooks = True

    def open(self, opening: Opening) -> Entry:
        """Insert and commit the record; raises `RuntimeError` inside a transaction, where a record can vanish.

        A ledger hook may refuse the call by raising an `APIError`; then there is no record.
        """
        connection = connections[router.db_for_write(UsageRecord)]
        _check_durable(connection)
        entry = hooks.open_record(connection, opening)
        release_connections(keep_files=not opening.is_stream)
        return entry

    def settle(self, entry: Entry, outcome: Outcome) -> None:
        """Write the outcome, or leave it to the retry thread if that fails."""
        try:
            _settle(entry, outcome)
        except Exception as error:  # noqa: BLE001 (the answer must still go out, and the outcome must not be lost)
            # The failure of a call has its own record in the log.
            level = logging.WARNING if outcome.failure is None else logging.INFO
            logger.log(level, "Usage record %s is settled later: %s.", entry.request_id, type(error).__name__)
            retries.retry_settlement(entry, _without_frames(outcome), keep_tenants(_settle))
        else:
            sweep.sweep_sometimes(entry.using)


def _settle(entry: Entry, outcome: Outcome) -> None:
    if not hooks.settle_record(entry, outcome):
        logger.warning("Usage record %s was settled already or does not exist.", entry.request_id)


def _check_durable(connection: Any) -> None:
    """Raise `RuntimeError` inside a transaction that could roll the record back, unless a test has begun it."""
    if connection.in_atomic_block:
        with transaction.atomic(using=connection.alias, durable=True):
            pass


def _without_frames(outcome: Outcome) -> Outcome:
    """An exception keeps alive the frames that it passed, with their request bodies; an outcome may wait for long."""
    if outcome.failure is None:
        return outcome
    failure = APIError(outcome.failure.message, code=outcome.failure.code)
    failure.status_code = outcome.failure.status_code
    return msgspec.structs.replace(outcome, failure=failure)
