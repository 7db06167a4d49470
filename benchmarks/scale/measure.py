"""`python -m benchmarks.scale.measure ROWS`: times of everything on one filled database, as JSON.

The ledger stays as it was: what is written is rolled back or removed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from benchmarks.scale.fill import SERVER, database_of
from benchmarks.scale.pages import Facts, Page, api_paths, customer_pages, fetch, list_pages, report_pages

_TIMES: Final = 5
_CALLS: Final = 300


def measure(rows: int, *, by_month: bool = False, only: str = "") -> dict[str, Any]:
    """Sizes, and for each page its group, name, bound, statements, and the median of its times in milliseconds."""
    os.environ |= {
        "DATABASE_URL": f"{SERVER}/{database_of(rows, by_month=by_month)}",
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
    }
    from django import setup

    setup()
    from benchmarks.scale import work

    work.refresh()  # as servers do about once a minute
    found = _timed([task for task in _pages(rows) if only in f"{task.group}: {task.name}"])
    if not only:
        found += [each for task in work.tasks() for each in _timed([Task(*task)])]
    return {
        "rows": rows, "by_month": by_month, "sizes": work.sizes(), "calls": work.calls(_CALLS), "found": found,
    }  # fmt: skip


class Task(NamedTuple):
    """What is timed."""

    group: str
    name: str
    bound_ms: int
    run: Callable[[], Any]


def _pages(rows: int) -> Iterator[Task]:
    from benchmarks.scale import work

    facts: Facts = work.facts(rows)
    staff, customer, anonymous = work.clients(facts)
    for page in (*report_pages(facts), *list_pages(facts)):
        yield _task(page, fetch(staff, page, {}))
    for page in customer_pages():
        yield _task(page, fetch(customer, page, {}))
    headers = {"Authorization": f"Bearer {work.secret_of(facts.key)}"}
    for page in api_paths(facts):
        yield _task(page, fetch(anonymous, page, headers))


def _task(page: Page, load: Callable[[], int]) -> Task:
    return Task(page.group, page.name, page.bound_ms, load)


def _timed(tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """All tasks in several rounds, because a shared machine is slower for some seconds or minutes."""
    from benchmarks.scale.work import statements

    first = [_milliseconds(task.run) for task in tasks]
    sent = [statements(task.run) for task in tasks]
    rounds = [[_milliseconds(task.run) for task in tasks] for _ in range(_TIMES)]
    return [_result(*each) for each in zip(tasks, first, sent, zip(*rounds, strict=True), strict=True)]


def _result(task: Task, first: float, sent: int, times: Sequence[float]) -> dict[str, Any]:
    median = statistics.median(times)
    sign = " " if median <= task.bound_ms else "!"
    print(f"{sign} {median:8.1f} ms  {sent:3} statements  {task.group}: {task.name}", file=sys.stderr, flush=True)
    return {
        "group": task.group, "name": task.name, "bound_ms": task.bound_ms, "first_ms": round(first, 1),
        "ms": round(median, 1), "statements": sent,
    }  # fmt: skip


def _milliseconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1000


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale.measure", description=__doc__)
    parser.add_argument("rows", type=int)
    parser.add_argument("--by-month", action="store_true", help="measure the copy with partitions")
    parser.add_argument("--only", default="", help="only pages whose names contain this text")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    print(json.dumps(measure(given.rows, by_month=given.by_month, only=given.only)))
