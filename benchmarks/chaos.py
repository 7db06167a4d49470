"""`python -m benchmarks.chaos`: twenty seeds of the chaos test on PostgreSQL, and as many on SQLite.

Writes `benchmarks/results/chaos.md` and ends with 1 if the books of any run do not balance. Both commands of a run are
in `tests/chaos/run.py`; each seed decides calls, leaving clients and the worker that is killed.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.chaos import run
from tests.servers import postgres

RESULTS = Path(__file__).resolve().parent.parent / "benchmarks" / "results" / "chaos.md"
SEEDS = 20
STATES = ("completed", "failed", "cancelled", "interrupted", "open")
KINDS = ("gevent", "gthread")

_PROMISE = """\
Every request id that the upstream saw is exactly one row. A row whose id it never saw is failed, cancelled or
interrupted. The tokens of a completed row are those that the upstream reported for its id. After one sweep no row is
open.

A run is {run.CALLS} calls, {run.AT_ONCE} at a time: plain, streamed and with tools, on an upstream that answers, fails,
stalls and cuts; {run.LEAVING:.0%} of the clients leave early. On PostgreSQL three workers, one killed by SIGKILL in the
middle, and the database stopped for {run.AWAY_SECONDS} seconds; on SQLite one worker, killed in the middle. Calls that
came while the database or the worker was away have no row: they were refused before the upstream was asked."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One line of the table."""

    database: str
    kind: str
    seed: int
    books: run.Books

    def line(self) -> str:
        """In Markdown."""
        books = self.books
        cells = [self.database, self.kind, self.seed, len(books.seen), len(books.rows), books.unseen]
        cells += [books.states[state] for state in STATES]
        return f"| {' | '.join(map(str, cells))} | {len(books.faults)} |"


def results(seeds: int) -> Iterator[Result]:
    """Every run, gevent and gthread in turn."""
    for seed in range(1, seeds + 1):
        kind = KINDS[seed % len(KINDS)]
        yield _one("PostgreSQL", kind, seed, _on_postgresql)
        yield _one("SQLite", kind, seed, lambda seed, folder, kind: run.on_sqlite(seed, folder, kind=kind))


def _one(database: str, kind: str, seed: int, play: Callable[[int, Path, str], run.Books]) -> Result:
    with tempfile.TemporaryDirectory(prefix="threadless-chaos-") as folder:
        result = Result(database=database, kind=kind, seed=seed, books=play(seed, Path(folder), kind))
    print(result.line(), flush=True)
    for fault in result.books.faults:
        print(f"  {fault}", flush=True)
    return result


def _on_postgresql(seed: int, folder: Path, kind: str) -> run.Books:
    with postgres.cluster() as cluster:
        return run.on_postgresql(seed, folder, cluster, kind=kind)


def page(found: list[Result], seconds: float) -> str:
    """The committed page."""
    head = ["database", "workers", "seed", "seen by upstream", "rows", "unseen rows", *STATES, "faults"]
    programs = ", ".join(f"{name} {version(name)}" for name in ("django", "gunicorn", "gevent", "psycopg"))
    faults = sum(len(result.books.faults) for result in found)
    rows = sum(len(result.books.rows) for result in found)
    return "\n".join(
        [
            "# Fault injection: the ledger compared with the upstream",
            "",
            f"{len(found)} runs, {rows} admitted calls, **{faults} faults**.",
            "",
            *(_PROMISE.format(run=run).splitlines()),
            "",
            f"Made by `python -m benchmarks.chaos --seeds {len(found) // 2}` in {seconds / 60:.0f} minutes:",
            f"Python {platform.python_version()}, {programs}.",
            "",
            f"| {' | '.join(head)} |",
            f"|{'---|' * len(head)}",
            *(result.line() for result in found),
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    started = time.monotonic()
    found = list(results(arguments.seeds))
    arguments.output.write_text(page(found, time.monotonic() - started))
    return int(any(result.books.faults for result in found))


if __name__ == "__main__":
    sys.exit(main())
