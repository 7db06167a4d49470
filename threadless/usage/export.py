"""Usage records as CSV: the one format of the admin, of commands and of reports."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any, Final

COLUMNS: Final = (
    "request_id", "client_request_id", "opened_at", "settled_at", "operation", "account", "key_id", "key_label",
    "user_id", "model", "target_kind", "target_model", "backend", "upstream_model", "is_stream", "state", "http_status",
    "error_code", "finish_reason", "prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens",
    "usage_source", "cost_nano", "tool_calls", "first_token_ms", "duration_ms", "worker",
)  # fmt: skip
"""The columns of the file, in the order of `values_list(*COLUMNS)`."""


class _Line:
    """A file-like object for `csv.writer` that returns each line instead of storing it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    """The lines of the file, starting with the header. `rows` are those of `values_list(*COLUMNS)`."""
    writer: Any = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    for row in rows:
        yield writer.writerow([_cell(value) for value in row])


def _cell(value: Any) -> Any:
    """Escape text that spreadsheets would run as a formula. Users choose the names of keys."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
