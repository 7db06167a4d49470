"""The column values of openings and outcomes, limited to what every database accepts."""

from __future__ import annotations

import os
import socket
from functools import cache
from typing import Any, Final

from threadless.server.process import reset_after_fork
from threadless.usage.base import Opening, Outcome
from threadless.usage.models import UsageRecord

_LENGTHS: Final = {field.name: field.max_length for field in UsageRecord._meta.concrete_fields if field.max_length}
_MAX_SMALL_INTEGER: Final = 2**15 - 1
_MAX_INTEGER: Final = 2**31 - 1
MAX_BIG_INTEGER: Final = 2**63 - 1


def opening_columns(opening: Opening) -> dict[str, Any]:
    """The columns of a new record, by attribute name."""
    caller, target = opening.caller, opening.target
    return {
        "request_id": opening.request_id[: _LENGTHS["request_id"]],
        "client_request_id": opening.client_request_id[: _LENGTHS["client_request_id"]],
        "operation": opening.operation[: _LENGTHS["operation"]],
        "account": caller.account[: _LENGTHS["account"]],
        "key_id": caller.key_id[: _LENGTHS["key_id"]],
        "key_label": _text("key_label", caller.label),
        "user_id": caller.user_id,
        "model": target.id[: _LENGTHS["model"]],
        "target_kind": target.kind,
        "target_model": target.model[: _LENGTHS["target_model"]],
        "backend": target.backend[: _LENGTHS["backend"]],
        "is_stream": opening.is_stream,
        "opened_at": opening.opened_at,
        "deadline": opening.deadline,
        "worker": worker_name(),
    }


def outcome_columns(outcome: Outcome) -> dict[str, Any]:
    """The columns of a settled record. Values of an upstream may be invalid."""
    usage = outcome.usage
    first = outcome.first_token_seconds
    return {
        "state": outcome.state,
        "http_status": outcome.http_status,
        "error_code": _text("error_code", outcome.error_code),
        "finish_reason": _text("finish_reason", outcome.finish_reason),
        "upstream_model": _text("upstream_model", outcome.upstream_model),
        "prompt_tokens": bounded(usage.prompt_tokens) if usage else None,
        "completion_tokens": bounded(usage.completion_tokens) if usage else None,
        "cached_tokens": bounded(usage.cached_tokens) if usage else None,
        "reasoning_tokens": bounded(usage.reasoning_tokens) if usage else None,
        "usage_source": usage.source if usage else "",
        "cost_nano": None if outcome.cost_nano is None else bounded(outcome.cost_nano, MAX_BIG_INTEGER),
        "tool_calls": bounded(outcome.tool_calls, _MAX_SMALL_INTEGER),
        "first_token_ms": None if first is None else bounded(round(first * 1000)),
        "duration_ms": bounded(round(outcome.duration_seconds * 1000)),
    }


def _text(column: str, value: str) -> str:
    """The text, cut to the length of the column, without what PostgreSQL refuses: NUL and lone surrogates."""
    if not value.isascii() or "\0" in value:
        value = value.encode(errors="replace").decode().replace("\0", "")
    return value[: _LENGTHS[column]]


def bounded(value: int, maximum: int = _MAX_INTEGER) -> int:
    """The number that a column stores for this one."""
    return value if 0 <= value <= maximum else min(max(value, 0), maximum)


@cache
def worker_name() -> str:
    """This server process, as `host:process ID`."""
    return name_of_process(os.getpid())


def name_of_process(process_id: int) -> str:
    """The process of this host with this ID, as the column `worker` has it."""
    suffix = f":{process_id}"
    return socket.gethostname()[: _LENGTHS["worker"] - len(suffix)] + suffix


reset_after_fork(worker_name.cache_clear)
