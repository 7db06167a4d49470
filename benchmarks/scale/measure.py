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
from collections.abc import Callable, Iterator
from typing import Any, Final

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
    found = [_measured(page, load) for page, load in _pages(rows) if only in f"{page.group}: {page.name}"]
    if not only:
        found += [_timed(*each) for each in work.tasks()]
    return {
        "rows": rows, "by_month": by_month, "sizes": work.sizes(), "calls": work.calls(_CALLS), "found": found,
    }  # fmt: skip


def _pages(rows: int) -> Iterator[tuple[Page, Callable[[], int]]]:
    from benchmarks.scale import work

    facts: Facts = work.facts(rows)
    staff, customer, anonymous = work.clients(facts)
    for page in (*report_pages(facts), *list_pages(facts)):
        yield page, fetch(staff, page, {})
    for page in customer_pages():
        yield page, fetch(customer, page, {})
    headers = {"Authorization": f"Bearer {work.secret_of(facts.key)}"}
    for page in api_paths(facts):
        yield page, fetch(anonymous, page, headers)


def _measured(page: Page, load: Callable[[], int]) -> dict[str, Any]:
    return _timed(page.group, page.name, page.bound_ms, load)


def _timed(group: str, name: str, bound_ms: int, run: Callable[[], Any]) -> dict[str, Any]:
    from benchmarks.scale.work import statements

    first = _milliseconds(run)
    sent = statements(run)
    median = statistics.median(_milliseconds(run) for _ in range(_TIMES))
    sign = " " if median <= bound_ms else "!"
    print(f"{sign} {median:8.1f} ms  {sent:3} statements  {group}: {name}", file=sys.stderr, flush=True)
    return {
        "group": group, "name": name, "bound_ms": bound_ms, "first_ms": round(first, 1), "ms": round(median, 1),
        "statements": sent,
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
