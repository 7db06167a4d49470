"""`python -m benchmarks.instructions`: machine instructions per call, compared with recorded figures.

Counted by valgrind's callgrind, call by call. The median of the calls of a process counts, and then the median of
several processes. So what happens once in some calls does not matter, such as a checkpoint of SQLite's log or a page of
an index that is full. Each process has a database with the same content and makes calls with the same request IDs.
Its clocks stand still during a call, and garbage collection is off. What happens once in some seconds is therefore not
counted.

`--record` stores the figures of this Python and Django. `--against KIND` tells what a call costs beside one of another
kind, whose processes run in turn with its own. Not for CI: a new release of any dependency changes the figures, and
each kind of call takes minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import signal
import statistics
import sys
from typing import Any, Final

import django

from benchmarks import callgrind, inprocess
from benchmarks.processes import ROOT

RESULTS: Final = ROOT / "benchmarks" / "results" / "instructions.json"
_CALLS: Final = {"large": 15, "agent": 9, "burst": 15, "agent-stream": 9}
_CALLS_OTHERWISE: Final = 21
_PROCESSES: Final = 3
_TOLERANCE_PERCENT: Final = 0.5


def count(kinds: list[str], processes: int, *, is_on_postgresql: bool) -> dict[str, dict[str, Any]]:
    """For each kind the instructions of a call, how far processes differ from that, Python functions and queries."""
    with contextlib.ExitStack() as stack:
        hosts = {}
        for kind in kinds:
            calls = _CALLS.get(kind, _CALLS_OTHERWISE)
            hosts[kind] = stack.enter_context(callgrind.hosts(kind, calls, is_on_postgresql=is_on_postgresql))
        medians: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(processes):
            for kind in kinds:
                medians[kind].append(statistics.median(hosts[kind].counts()))
    return {kind: _told(medians[kind], host) for kind, host in hosts.items()}


def _told(medians: list[float], host: callgrind.Hosts) -> dict[str, Any]:
    middle = statistics.median(medians)
    return {
        "instructions": round(middle),
        "spread_percent": round(100 * max(abs(median - middle) for median in medians) / middle, 2),
        "functions": host.functions,
        "queries": len(host.queries),
    }


def compare(kind: str, now: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """A line for each figure that grew by more than its spread; empty if none did."""
    tolerance = max(_TOLERANCE_PERCENT, 2 * before["spread_percent"], 2 * now["spread_percent"])
    growth = 100 * (now["instructions"] / before["instructions"] - 1)
    grown = []
    if growth > tolerance:
        grown.append(f"{kind}: {growth:+.1f} % instructions ({before['instructions']:,} → {now['instructions']:,})")
        for package, number in now["functions"].items():
            if number > (earlier := before["functions"].get(package, 0)):
                grown.append(f"  functions of {package}: {earlier} → {number}")
    if now["queries"] > before["queries"]:
        grown.append(f"{kind}: {before['queries']} → {now['queries']} queries")
    return grown


def cost(kind: str, other: str, counted: dict[str, dict[str, Any]]) -> str:
    """What a call of one kind costs beside one of another kind."""
    now, before = counted[kind], counted[other]
    more = now["instructions"] - before["instructions"]
    percent, spread = 100 * more / before["instructions"], now["spread_percent"] + before["spread_percent"]
    return f"{kind} beside {other}: {more:+,} instructions, {percent:+.2f} ± {spread:.2f} %"


def main() -> None:
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # stop the processes together with the run
    python = ".".join(platform.python_version_tuple()[:2])
    version = f"Python {python}, Django {django.VERSION[0]}.{django.VERSION[1]}"
    version += ", PostgreSQL" if given.postgresql else ""
    recorded: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known = recorded.setdefault(version, {})
    grown: list[str] = []
    together = [[*given.kind, given.against]] if given.against else [[kind] for kind in given.kind]
    for kinds in together:
        counted = count(kinds, given.processes, is_on_postgresql=given.postgresql)
        for kind, now in counted.items():
            print(f"{kind:20} {now['instructions']:>12,} instructions ± {now['spread_percent']} %", flush=True)
            if given.against not in (None, kind):
                print(cost(kind, given.against, counted), flush=True)
            grown += compare(kind, now, known[kind]) if kind in known else []
        known |= counted
    print("\n".join(grown) or f"Nothing grew ({version}).")
    if given.record:
        RESULTS.write_text(json.dumps(recorded, indent=1) + "\n")
    sys.exit(bool(grown) and not given.record)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--record", action="store_true", help="store the figures")
    parser.add_argument("--kind", nargs="+", choices=inprocess.KINDS, default=list(inprocess.KINDS))
    parser.add_argument("--against", choices=inprocess.KINDS, help="tell what each kind costs beside this one")
    parser.add_argument("--processes", type=int, default=_PROCESSES, help="how many processes of each kind")
    parser.add_argument("--postgresql", action="store_true", help="use PostgreSQL instead of SQLite")
    return parser.parse_args()


if __name__ == "__main__":
    main()
