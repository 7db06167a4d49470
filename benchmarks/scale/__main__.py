"""`python -m benchmarks.scale`: times of every page, answer and call with ledgers of up to 20 million rows.

Databases that are missing are filled first, which takes half an hour and 15 GB for the largest. Ends with 1 if a page
exceeds its bound. The load of the machine is part of the times, so run it on an idle one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any, Final

from benchmarks import machine
from benchmarks.processes import ROOT
from benchmarks.scale import fill

RESULT: Final = ROOT / "benchmarks" / "results" / "scale.md"
SIZES: Final = (100_000, 1_000_000, 10_000_000, 20_000_000)
_MEGABYTE: Final = 10**6


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--rows", nargs="+", type=int, default=list(SIZES), help="sizes of the ledger")
    parser.add_argument("--by-month", action="store_true", help="also measure ledgers with a partition for each month")
    parser.add_argument("--keep", action="store_true", help="keep the databases for the next run")
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.relative_to(ROOT)}")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    results = []
    for rows in given.rows:
        results += [_measured(rows, by_month) for by_month in (False, True)[: 1 + given.by_month]]
        for by_month in (False, True):
            if not given.keep:
                fill.drop(fill.database_of(rows, by_month=by_month))
    text = page(results)
    print(text)
    if given.write:
        RESULT.write_text(text)
    return int(any(each["ms"] > each["bound_ms"] for result in results for each in result["found"]))


def _measured(rows: int, by_month: bool) -> dict[str, Any]:
    """Fill the database if it is missing, and measure it."""
    if not fill.exists(fill.database_of(rows, by_month=by_month)):
        _run("partition" if by_month else "fill", str(rows))
    found: dict[str, Any] = json.loads(_run("measure", str(rows), *["--by-month"][: int(by_month)]))
    return found


def _run(module: str, *arguments: str) -> str:
    """A module of this package in its own process, because Django's settings name the database."""
    command = [sys.executable, "-m", f"benchmarks.scale.{module}", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True, check=True).stdout


def page(results: list[dict[str, Any]]) -> str:
    """The results as Markdown."""
    sizes = [f"{result['rows'] / 1_000_000:g} million" + ", by month" * result["by_month"] for result in results]
    return "\n".join(
        [
            "# Growth",
            "",
            _origin(),
            "",
            "## Sizes, and the ledger's part of a call",
            "",
            *_table(["", *sizes], _size_rows(results)),
            "",
            "## Pages and answers",
            "",
            "Milliseconds of a whole answer within the process, the median of five rounds. **Bold**: above the bound.",
            "",
            *_table(["", "bound", *sizes], _page_rows(results)),
            "",
        ]
    )


def _origin() -> str:
    facts = machine.facts()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout
    return (
        f"Written by `python -m benchmarks.scale --write` on {facts['date']} at commit {commit.strip()}: "
        f"{facts['cores']} cores, {facts['memory_gb']} GB, Python {facts['python']}, PostgreSQL with its default "
        f"settings on the same machine. {fill.KEYS} keys, {fill.USERS} users, {fill.ACCOUNTS} accounts and 12 "
        "models over twelve months."
    )


def _size_rows(results: list[dict[str, Any]]) -> list[list[str]]:
    names = {"ledger": "ledger, MB", "indexes": "its indexes, MB", "sums": "sums of days, MB"}
    rows = [[text, *(f"{each['sizes'][name] / _MEGABYTE:,.0f}" for each in results)] for name, text in names.items()]
    rows.append(["rows of `UsageDay`", *(f"{each['sizes']['rows_of_sums']:,}" for each in results)])
    return rows + [[text, *(str(each["calls"][name]) for each in results)] for name, text in _CALLS.items()]


_CALLS: Final = {
    "statements": "statements of a call",
    "open_ms": "opening, ms",
    "settle_ms": "settling, ms",
    "by_number_ms": "UPDATE by number, ms",
    "by_number_and_time_ms": "UPDATE by number and time of opening, ms",
}


def _page_rows(results: list[dict[str, Any]]) -> list[list[str]]:
    by_name = [{(each["group"], each["name"]): each for each in result["found"]} for result in results]
    return [
        [f"{name[0]}: {name[1]}", str(each["bound_ms"]), *(_time(found.get(name)) for found in by_name)]
        for name, each in {name: each for found in by_name for name, each in found.items()}.items()
    ]


def _time(found: dict[str, Any] | None) -> str:
    if found is None:
        return "–"
    return f"**{found['ms']:.0f}**" if found["ms"] > found["bound_ms"] else f"{found['ms']:.0f}"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


if __name__ == "__main__":
    sys.exit(main())
