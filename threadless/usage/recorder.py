"""`BaseUsageRecorder`, the seam for metering, and `DatabaseUsageRecorder`, the ledger in the host's database."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from django.db import DatabaseError, InterfaceError, connections, router, transaction

from threadless.conf import conf
from threadless.db.connections import release_connections
from threadless.exceptions import APIError
from threadless.types import Caller, Target, Usage
from threadless.usage import ledger_sql, retries, sweep
from threadless.usage.models import UsageRecord

logger = logging.getLogger("threadless.usage")

FinalState: TypeAlias = Literal["completed", "failed", "cancelled"]

CLIENT_GONE: Final = 499
_DEADLINE_MARGIN: Final = timedelta(seconds=60)
"""The owner of a call ends it at `MAX_CALL_SECONDS`; this is its time to settle before a sweep may guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A call that has been admitted and is about to be sent upstream."""

    request_id: str
    caller: Caller
    target: Target
    is_stream: bool
    opened_at: datetime

    @property
    def deadline(self) -> datetime:
        """From when on nobody can still be at work on this call."""
        return self.opened_at + timedelta(seconds=conf.max_call_seconds) + _DEADLINE_MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call ended. Seconds count from the opening; `usage` is None if nothing was produced and nothing is owed."""

    state: FinalState
    failure: APIError | None = None
    has_begun: bool = False
    """True if the client got a status of 200 before the end."""
    finish_reason: str = ""
    upstream_model: str = ""
    usage: Usage | None = None
    tool_calls: int = 0
    cost_nano: int | None = None
    first_token_seconds: float | None = None
    duration_seconds: float = 0.0

    @property
    def http_status(self) -> int:
        """The status that the client got; 499 (nginx's code) if it left before one was sent."""
        if self.state == "completed" or self.has_begun:
            return 200
        return self.failure.status_code if self.failure else CLIENT_GONE

    @property
    def error_code(self) -> str:
        """Code of the failure, empty if there is none."""
        return (self.failure.code or "") if self.failure else ""


class BaseUsageRecorder(ABC):
    """Where metering goes. One instance serves one call; `settle` may run in another thread than `open`."""

    @abstractmethod
    def open(self, opening: Opening) -> Any:
        """Make the call durable before the upstream is asked, and return what `settle` needs to find it.

        What it raises ends the call before the upstream is asked.
        """

    @abstractmethod
    def settle(self, entry: Any, outcome: Outcome) -> None:
        """Write down how the call ended. Called exactly once; must not raise, nor lose the outcome."""


class DatabaseUsageRecorder(BaseUsageRecorder):
    """One `UsageRecord` a call, committed before the upstream is asked."""

    def open(self, opening: Opening) -> int:
        """The primary key of a committed row; raises `RuntimeError` inside a transaction, where a row can vanish."""
        caller, target = opening.caller, opening.target
        connection = connections[router.db_for_write(UsageRecord)]
        _check_durable(connection)
        entry = ledger_sql.insert(
            connection,
            {
                "request_id": opening.request_id,
                "key_id": caller.key_id[:64],
                "key_label": _text(caller.label, 100),
                "user_id": caller.user_id,
                "model": target.id[:200],
                "target_kind": target.kind,
                "target_model": target.model[:200],
                "backend": target.backend[:64],
                "is_stream": opening.is_stream,
                "opened_at": opening.opened_at,
                "deadline": opening.deadline,
            },
        )
        release_connections(keep_files=not opening.is_stream)
        return entry

    def settle(self, entry: int, outcome: Outcome) -> None:
        """Write the outcome, or leave it to the retry thread while the database is away."""
        values = columns(outcome)
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


def columns(outcome: Outcome) -> dict[str, Any]:
    """The columns of an outcome, cut to what every database takes: an upstream may have sent anything."""
    usage = outcome.usage
    first = outcome.first_token_seconds
    return {
        "state": outcome.state,
        "http_status": outcome.http_status,
        "error_code": _text(outcome.error_code, 64),
        "finish_reason": _text(outcome.finish_reason, 32),
        "upstream_model": _text(outcome.upstream_model, 200),
        "prompt_tokens": _count(usage.prompt_tokens) if usage else None,
        "completion_tokens": _count(usage.completion_tokens) if usage else None,
        "cached_tokens": _count(usage.cached_tokens) if usage else None,
        "reasoning_tokens": _count(usage.reasoning_tokens) if usage else None,
        "usage_source": usage.source if usage else "",
        "tool_calls": _count(outcome.tool_calls, 32767),
        "first_token_ms": None if first is None else _count(round(first * 1000)),
        "duration_ms": _count(round(outcome.duration_seconds * 1000)),
    }


def _text(value: str, length: int) -> str:
    """Without what PostgreSQL refuses in a text: NUL and lone surrogates."""
    return value.encode(errors="replace").decode().replace("\0", "")[:length]


def _count(value: int, most: int = 2**31 - 1) -> int:
    return min(max(value, 0), most)
