"""Usage records as CSV and JSON Lines, without a limit: the format of the admin, of commands and of reports.

Records are read in batches, each of which continues where the last one ended, so that a file of millions of lines
needs little memory and no long transaction. The last line states the number of records: without it, a file is
incomplete.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.utils import timezone

from threadless.encoding import encode
from threadless.usage.models import UsageRecord

COLUMNS: Final = (
    "request_id", "client_request_id", "opened_at", "settled_at", "operation", "account", "key_id", "key_label",
    "user_id", "model", "target_kind", "target_model", "backend", "upstream_model", "is_stream", "state", "http_status",
    "error_code", "finish_reason", "prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens",
    "usage_source", "cost_nano", "tool_calls", "first_token_ms", "duration_ms", "worker",
)  # fmt: skip
"""The columns of the file."""
BATCH: Final = 5_000
"""Records per query."""

_POSITION: Final = COLUMNS.index("opened_at")

Rows = Iterable[tuple[Any, ...]]


def rows_of(records: QuerySet[UsageRecord], batch: int = BATCH) -> Iterator[tuple[Any, ...]]:
    """The columns of these records that exist now, oldest first."""
    records = records.select_related(None).order_by("opened_at", "id").filter(opened_at__lte=timezone.now())
    position = Q()
    while True:
        found = list(records.filter(position).values_list(*COLUMNS, "pk")[:batch])
        yield from (row[:-1] for row in found)
        if len(found) < batch:
            return
        opened_at, pk = found[-1][_POSITION], found[-1][-1]
        # The first condition alone lets a database begin at the right place in the index.
        position = Q(opened_at__gte=opened_at) & (Q(opened_at__gt=opened_at) | Q(pk__gt=pk))


class _Line:
    """A file-like object for `csv.writer` that returns each line instead of storing it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(rows: Rows, columns: Iterable[str] = COLUMNS) -> Iterator[str]:
    """The lines of a CSV file: the header, the rows, and a comment with their number."""
    writer: Any = csv.writer(_Line())
    yield writer.writerow(columns)
    count = 0
    for row in rows:
        yield writer.writerow([_cell(value) for value in row])
        count += 1
    yield f"# end, {count} rows\r\n"


def json_lines(rows: Rows, columns: Iterable[str] = COLUMNS) -> Iterator[str]:
    """The lines of a JSON Lines file: an object for each row, and one with their number."""
    names = tuple(columns)
    count = 0
    for row in rows:
        yield encode(dict(zip(names, row, strict=True))).decode() + "\n"
        count += 1
    yield encode({"end": True, "rows": count}).decode() + "\n"


FORMATS: Final[Mapping[str, tuple[Callable[[Rows], Iterator[str]], str]]] = {
    "csv": (csv_lines, "text/csv; charset=utf-8"),
    "jsonl": (json_lines, "application/jsonl; charset=utf-8"),
}
"""By the ending of the file: its lines and its content type."""


def file_name(filters: Iterable[str], ending: str) -> str:
    """A name that tells which records the file has, such as `usage_2026-05-01_2026-05-31_key-7.csv`."""
    parts = (re.sub(r"[^A-Za-z0-9.+-]+", "-", text).strip("-") for text in filters)
    return "_".join(["usage", *filter(None, parts)])[:150] + f".{ending}"


def _cell(value: Any) -> Any:
    """Escape text that spreadsheets would run as a formula. Users choose the names of keys."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
