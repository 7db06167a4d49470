"""`python -m benchmarks.chaos`: twenty seeds of each chaos run; ends with 1 if any check of any run fails.

For each seed: the books under random calls on PostgreSQL and on SQLite (`tests/chaos/run.py`), and all disturbances
one after the other (`tests/chaos/disturbances.py`). The seed decides calls, leaving clients, the order of disturbances
and the worker that is killed. Writes `chaos_books.md` and `chaos_disturbances.md` in `benchmarks/results/`.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from benchmarks import chaos_report
from benchmarks.chaos_report import BooksLine
from tests.chaos import disturbances, run
from tests.chaos.redis_server import redis
from tests.servers import postgres

RESULTS: Final = Path(__file__).resolve().parent / "results"
SEEDS: Final = 20
KINDS: Final = ("gevent", "gthread")
BOOKS: Final = "books"
DISTURBANCES: Final = "disturbances"


def books_of(seed: int) -> Iterator[BooksLine]:
    """Both databases, gevent and gthread in turn."""
    kind = KINDS[seed % len(KINDS)]
    yield _line("PostgreSQL", kind, seed, _on_postgresql)
    yield _line("SQLite", kind, seed, lambda seed, folder, kind: run.on_sqlite(seed, folder, kind=kind))


def _line(database: str, kind: str, seed: int, play: Callable[[int, Path, str], run.Books]) -> BooksLine:
    with tempfile.TemporaryDirectory(prefix="threadless-chaos-") as folder:
        line = BooksLine(database=database, kind=kind, seed=seed, books=play(seed, Path(folder), kind))
    print(line.text(), *(f"\n  {fault}" for fault in line.books.faults), flush=True)
    return line


def _on_postgresql(seed: int, folder: Path, kind: str) -> run.Books:
    with postgres.cluster() as cluster:
        return run.on_postgresql(seed, folder, cluster, kind=kind)


def result_of(seed: int, kind: str) -> disturbances.Result:
    """All disturbances, with a separate database and cache."""
    with (
        tempfile.TemporaryDirectory(prefix="threadless-chaos-") as folder,
        postgres.cluster() as cluster,
        redis() as cache,
    ):
        result = disturbances.play(seed, Path(folder), cluster, cache, kind=kind)
    print(chaos_report.result_line(result), flush=True)
    for check, faults in result.faults.items():
        for fault in faults:
            print(f"  {check}: {fault}", flush=True)
    return result


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--only", choices=(BOOKS, DISTURBANCES), help="leave the other kind of run out")
    parser.add_argument(
        "--kinds", nargs="+", choices=disturbances.KINDS, help="servers of the disturbances; else one for each seed"
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder of the pages")
    return parser.parse_args()


def main() -> int:
    """Exit status 1 if a check failed."""
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers end with the run
    seeds = range(given.first, given.first + given.seeds)
    has_failed = False
    if given.only != DISTURBANCES:
        has_failed |= run_books(seeds, given.output)
    if given.only != BOOKS:
        has_failed |= run_disturbances(seeds, given)
    return int(has_failed)


def run_books(seeds: range, folder: Path) -> bool:
    """Write the page of the books after each seed. True if a check failed."""
    started = time.monotonic()
    lines: list[BooksLine] = []
    for seed in seeds:
        lines += books_of(seed)
        (folder / "chaos_books.md").write_text(chaos_report.books_page(lines, time.monotonic() - started))
    return any(line.books.faults for line in lines)


def run_disturbances(seeds: range, given: argparse.Namespace) -> bool:
    """Write the page of the disturbances after each seed. True if a check failed."""
    started = time.monotonic()
    results: list[disturbances.Result] = []
    for seed in seeds:
        results += [result_of(seed, kind) for kind in _kinds(seed, given)]
        page = chaos_report.disturbances_page(results, time.monotonic() - started)
        (given.output / "chaos_disturbances.md").write_text(page)
    return any(chaos_report.failed(result) for result in results)


def _kinds(seed: int, given: argparse.Namespace) -> list[str]:
    return given.kinds or [disturbances.KINDS[seed % len(disturbances.KINDS)]]


if __name__ == "__main__":
    sys.exit(main())
