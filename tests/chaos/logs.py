"""What the server logs under chaos: at most one record for each failed call, with the request ID of the call."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

_ID: Final = re.compile(r"req_\w+|chaos-[\w-]+")
_REFUSED: Final = range(400, 500)
_SHOWN: Final = 70
_NO_CALL_FAILED: Final = "Calls are not counted."
"""Ends the warning, once a minute and process, that limits cannot reach their cache. The calls continue."""


class RecordFormatter(logging.Formatter):
    """One line of JSON, short enough that processes can append to the same file."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "logger": record.name,
                "level": record.levelno,
                "message": record.getMessage()[:500],
                "status": getattr(record, "status_code", None),
                "request_id": getattr(record, "request_id", None),
                "traceback": record.exc_info is not None,
            }
        )


def records(path: Path) -> list[dict[str, Any]]:
    """Those of a file; none if the server has logged nothing."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def faults(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Each breach of the rule, in words.

    Judged are the warnings and errors of threadless and Django. A request that Django logs as refused (4xx) is no
    failed call, and no call fails while limits cannot reach their cache.
    """
    ids: Counter[str] = Counter()
    nameless: Counter[str] = Counter()
    for record in filter(_is_judged, found):
        if name := record["request_id"] or next(iter(_ID.findall(record["message"])), None):
            ids[name] += 1
        else:
            tail = " with a traceback" if record["traceback"] else ""
            nameless[f"{record['logger']}: {record['message'][:_SHOWN]}{tail}"] += 1
    yield from (f"{count} log records without a request ID: {text}" for text, count in _merged(nameless).items())
    repeated = {name: count for name, count in ids.items() if count > 1}
    if repeated:
        name, count = max(repeated.items(), key=lambda item: item[1])
        yield f"{len(repeated)} calls with several log records, such as {name} with {count}"


def _is_judged(record: dict[str, Any]) -> bool:
    ours = record["logger"].partition(".")[0] in ("threadless", "django")
    is_of_call = record["status"] not in _REFUSED and not record["message"].endswith(_NO_CALL_FAILED)
    return ours and is_of_call and record["level"] >= logging.WARNING


def _merged(texts: Counter[str]) -> Counter[str]:
    """Texts that differ only in numbers are one."""
    merged: Counter[str] = Counter()
    for text, count in texts.items():
        merged[re.sub(r"\d+", "N", text)] += count
    return merged
