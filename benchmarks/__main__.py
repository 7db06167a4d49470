"""`python -m benchmarks`: everything in one run on one machine, then `benchmarks/results/performance.md`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from benchmarks import litellm, machine, processes, report, scenarios, targets
from benchmarks.processes import ROOT, Process
from benchmarks.scenarios import Scenario
from benchmarks.targets import FLOOR, GEVENT, LITELLM, POSTGRESQL, Target

RESULTS: Final = ROOT / "benchmarks" / "results"
UPSTREAM: Final = "upstream"
_EVERYTHING: Final = frozenset(scenario.name for scenario in scenarios.ALL)
_SHORT: Final = frozenset({"json-1", "json-32", "burst-32", "paced-100"})
PLAN: Final = {
    UPSTREAM: _EVERYTHING,
    FLOOR: _EVERYTHING,
    GEVENT: _EVERYTHING,
    POSTGRESQL: _SHORT | {"paced-500"},
    "gthread": _SHORT,
    "uvicorn": _SHORT | {"paced-1000"},
    "granian": _SHORT | {"paced-1000"},
    LITELLM: _EVERYTHING,
}
"""Target → its scenarios. "upstream" is the load generator against the mock upstream alone: the limit of the tools.
LiteLLM comes last, because it continues for a while with calls whose clients have given up."""
_FACTORS: Final = {LITELLM: 0.15, UPSTREAM: 2.0}
_QUICK_FACTOR: Final = 0.2


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, a fifth of the calls, no long streams")
    parser.add_argument("--only", nargs="+", default=list(PLAN), choices=list(PLAN), help="these targets")
    parser.add_argument("--scenario", nargs="+", default=sorted(_EVERYTHING), choices=sorted(_EVERYTHING))
    parser.add_argument("--skip-litellm", action="store_true", help="do not install and measure LiteLLM")
    parser.add_argument("--rounds", type=int, help="rounds of the scenarios that are repeated; their median counts")
    parser.add_argument("--report", action="store_true", help="only write the page again from the last full run")
    return parser.parse_args()


def main() -> None:
    """Run what the arguments ask for. An incomplete run is stored separately and writes no page."""
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # stop the servers together with the run
    if given.report:
        report.write(json.loads((RESULTS / "full.json").read_text()))
        return
    names = [name for name in given.only if not (given.skip_litellm and name == LITELLM)]
    wanted = [_adapted(scenario, given) for scenario in scenarios.ALL if scenario.name in given.scenario]
    is_full = len(names) == len(PLAN) and len(wanted) == len(scenarios.ALL) and not given.quick
    measured = measure(names, wanted)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / ("full.json" if is_full else "partial.json")
    path.write_text(json.dumps(measured, indent=1) + "\n")
    print(f"\n{report.tables(measured)}\nStored in {path.relative_to(ROOT)}.")
    if is_full:
        report.write(measured)


def _adapted(scenario: Scenario, given: argparse.Namespace) -> Scenario:
    rounds = scenario.rounds if scenario.rounds == 1 else given.rounds or scenario.rounds
    if given.quick:
        return replace(scenario.scaled(_QUICK_FACTOR), rounds=1)
    return replace(scenario, rounds=rounds)


def measure(names: list[str], wanted: list[Scenario]) -> dict[str, Any]:
    """All rounds of all scenarios. The targets take turns, so a slow minute of the machine affects all of them."""
    told: dict[str, Any] = {"machine": machine.facts(), "runs": [], "not_measured": {}}
    if LITELLM in names:
        told["machine"]["versions"]["litellm"] = litellm.install()
    with (
        tempfile.TemporaryDirectory(prefix="threadless-bench-") as folder,
        mock_upstream(Path(folder)) as (process, url),
        _started(names, process, url, Path(folder), told["not_measured"]) as running,
    ):
        for scenario, target in _turns(wanted, running):
            result = scenarios.run(scenario.scaled(_FACTORS.get(target.name, 1.0)), target, url)
            told["runs"].append({"scenario": scenario.name, "target": target.name, **result})
            print(report.line(told["runs"][-1]), flush=True)
    return told


def _turns(wanted: list[Scenario], running: list[Target]) -> Iterator[tuple[Scenario, Target]]:
    for scenario in wanted:
        for _ in range(scenario.rounds):
            for target in running:
                if scenario.name in PLAN[target.name]:
                    yield scenario, target


@contextlib.contextmanager
def mock_upstream(folder: Path) -> Iterator[tuple[Process, str]]:
    """The upstream of all targets, and its address."""
    log = folder / "upstream"
    process = processes.start([sys.executable, "-m", "benchmarks.upstream"], env=os.environ, log=log)
    try:
        processes.wait_for(process, lambda: log.read_text().endswith("\n"))
        yield process, log.read_text().strip()
    finally:
        process.stop()


@contextlib.contextmanager
def _started(
    names: list[str], upstream: Process, url: str, folder: Path, missing: dict[str, str]
) -> Iterator[list[Target]]:
    """All servers, idle until their turn. The reason why one could not be started is stored in `missing`."""
    with contextlib.ExitStack() as stack:
        running = []
        for name in names:
            if name == UPSTREAM:
                running.append(Target(name=name, process=upstream, port=int(url.rpartition(":")[2])))
                continue
            try:
                target = targets.start(name, url, folder / name)
            except (OSError, subprocess.CalledProcessError) as error:
                missing[name] = str(error).splitlines()[0]
                continue
            stack.callback(target.stop)
            running.append(target)
        yield running


if __name__ == "__main__":
    main()
