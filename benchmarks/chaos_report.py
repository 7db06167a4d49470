"""The pages that `python -m benchmarks.chaos` writes."""

from __future__ import annotations

import platform
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from tests.chaos import clients, disturbances, run
from tests.chaos.victim import SERVED_SECONDS

STATES: Final = ("completed", "failed", "cancelled", "interrupted", "open")
CHECKS: Final = ("books", "victim", "places", "held", "log")
_COUNTS: Final = ("seen by upstream", "rows", "unseen rows", *STATES)
_PACKAGES: Final = ("django", "gunicorn", "gevent", "uvicorn", "psycopg", "redis")
_SHOWN: Final = 5

_BOOKS: Final = """\
Every request id that the upstream saw is exactly one row. A row whose id it never saw is failed, cancelled or
interrupted. The tokens of a completed row are those that the upstream reported for its id. After one sweep no row is
open. Budgets cover all calls; before and after the sweep, `spent` of each counter is the sum of its settled rows, and
`reserved` the sum of what its open rows hold.

A run is {run.CALLS} calls, {run.AT_ONCE} at a time: plain, streamed and with tools, on an upstream that answers, fails,
stalls and cuts; {run.LEAVING:.0%} of the clients leave early. On PostgreSQL three workers, one killed by SIGKILL in the
middle, and the database stopped for {run.AWAY_SECONDS} seconds; on SQLite one worker, killed in the middle. Calls that
came while the database or the worker was away have no row: they were refused before the upstream was asked."""

_EVERYTHING: Final = """\
A run has {disturbances.WORKERS} workers, PostgreSQL and Redis. In the random order of the seed: a worker is killed by
SIGKILL under {clients.STREAMS} streams, the database is away for {disturbances.OUTAGE_SECONDS:.0f} seconds after a
crash, Redis likewise, {clients.SLOW} clients upload byte by byte, {clients.SLOW} read nothing of their answers,
{clients.SLOW} with an invented key go on sending after their 401, and {clients.LEAVERS} leave at random. Usual calls go
on all the time.

- *books*: the ledger agrees with the upstream, as in [the other run](chaos_books.md).
- *victim*: another key calls all the time and is served within {served:.0f} seconds. While the database is down it
  gets 503 with `Retry-After` within {served:.0f} seconds, and it is served within {served:.0f} seconds of the
  database's return. When the worker is killed, one of its connections may break.
- *places*: afterwards the attacker's key can have its full number of calls open at once, on all workers together.
- *held*: a client that reads nothing has lost its connection after {clients.SLOW_SECONDS:.0f} seconds; `STALL_SECONDS`
  is 2.
- *log*: at most one warning or error of threadless or Django for each failed call, with its request ID."""


@dataclass(frozen=True, kw_only=True)
class BooksLine:
    """One run of `tests/chaos/run.py`."""

    database: str
    kind: str
    seed: int
    books: run.Books

    def text(self) -> str:
        """In Markdown."""
        cells = [self.database, self.kind, self.seed, *_counts(self.books), len(self.books.faults)]
        return _row(cells)


def failed(result: disturbances.Result) -> bool:
    """Whether any check of the run fails."""
    return any(result.faults.values())


def result_line(result: disturbances.Result) -> str:
    """In Markdown: counts, the victim's calls and its longest, and the number of faults of each check."""
    slowest = max(attempt.seconds for attempt in result.attempts)
    faults = [len(result.faults[check]) for check in CHECKS]
    return _row([result.kind, result.seed, *_counts(result.books), len(result.attempts), f"{slowest:.1f}", *faults])


def _counts(books: run.Books) -> list[object]:
    return [len(books.seen), len(books.rows), books.unseen, *(books.states[state] for state in STATES)]


def _row(cells: list[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def books_page(lines: list[BooksLine], seconds: float) -> str:
    """The committed page of the books."""
    rows = sum(len(line.books.rows) for line in lines)
    faults = sum(len(line.books.faults) for line in lines)
    named: dict[str, Any] = {"run": run}
    head = ["database", "workers", "seed", *_COUNTS, "faults"]
    return "\n".join(
        [
            *_head("The ledger compared with the upstream", "books", len(lines), rows, faults, seconds),
            *_BOOKS.format(**named).splitlines(),
            "",
            *_table(head, [line.text() for line in lines]),
            "",
        ]
    )


def disturbances_page(results: list[disturbances.Result], seconds: float) -> str:
    """The committed page of the disturbances."""
    rows = sum(len(result.books.rows) for result in results)
    faults = sum(failed(result) for result in results)
    named: dict[str, Any] = {"disturbances": disturbances, "clients": clients, "served": SERVED_SECONDS}
    head = ["workers", "seed", *_COUNTS, "victim's calls", "longest s", *CHECKS]
    return "\n".join(
        [
            *_head("Outages and slow clients", "disturbances", len(results), rows, faults, seconds),
            *_EVERYTHING.format(**named).splitlines(),
            "",
            *_table(head, [result_line(result) for result in results]),
            "",
            *_told(results),
        ]
    )


def _head(title: str, only: str, runs: int, rows: int, faults: int, seconds: float) -> list[str]:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True, check=False)
    return [
        f"# {title}",
        "",
        f"{runs} runs, {rows} admitted calls, **{faults} faults**.",
        "",
        f"Written by `python -m benchmarks.chaos --only {only}` at commit {commit.stdout.strip() or 'unknown'} in",
        f"{seconds / 60:.0f} minutes: Python {platform.python_version()},",
        f"{', '.join(f'{name} {version(name)}' for name in _PACKAGES)}.",
        "",
    ]


def _table(head: list[str], lines: list[str]) -> list[str]:
    return [_row([*head]), f"|{'---|' * len(head)}", *lines]


def _told(results: list[disturbances.Result]) -> Iterator[str]:
    """The commonest faults of each check, without their numbers."""
    for check in CHECKS:
        found = Counter(fault for result in results for fault in result.faults[check])
        if found:
            yield from (f"Faults of *{check}*, the most frequent first:", "")
            yield from (f"- {count} × {fault}" for fault, count in found.most_common(_SHOWN))
            yield ""
