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
from collections.abc import Callable, Container, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks import hosts, litellm, machine, nginx, plan, portkey, processes, report, rounds, scenarios, targets
from benchmarks.hosts import HOSTS, Host
from benchmarks.processes import ROOT, Process
from benchmarks.scenarios import Scenario

RESULTS: Final = ROOT / "benchmarks" / "results"
_RAW: Final = "full.json"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names, folder = plan.scenario_names(), RESULTS.relative_to(ROOT)
    parser.add_argument("--rounds", type=int, default=3, help="the median of the rounds counts; 3 by default")
    parser.add_argument("--only", nargs="+", choices=list(plan.PLAN), help="these targets")
    parser.add_argument("--skip", nargs="+", default=[], choices=list(plan.PLAN), help="not these targets")
    parser.add_argument("--scenario", nargs="+", default=names, choices=names, help="these scenarios")
    parser.add_argument("--calls", type=int, help="at most this many calls of each scenario, for a trial")
    parser.add_argument(
        "--python", nargs="+", default=[], metavar="PATH", help="measure JSON calls with these interpreters too"
    )
    parser.add_argument("--note", default="", help="a sentence for the page")
    parser.add_argument("--output", type=Path, help=f"folder of the results; {folder} if nothing is left out")
    parser.add_argument("--install", action="store_true", help="only install what is measured beside threadless")
    parser.add_argument("--estimate", action="store_true", help="only say how long the run takes")
    parser.add_argument("--report", action="store_true", help="only write the page again from the stored results")
    return parser.parse_args()


def main() -> None:
    """Run what the arguments ask for, and write the page after each round."""
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # stop the servers together with the run
    folder = given.output or (RESULTS if is_complete(given) or given.report else ROOT / ".local" / "benchmarks")
    if given.report:
        write(folder, json.loads((folder / _RAW).read_text()))
        return
    known, planned, wanted = chosen(given)
    print(f"About {plan.estimate(planned, wanted, given.rounds) / 60:.0f} minutes on a quiet machine.", flush=True)
    if given.estimate:
        return
    told = machine.facts()
    missing = install(planned, told["versions"])
    if given.install:
        sys.exit("\n".join(f"{name}: {reason}" for name, reason in missing.items()) or None)
    measured = {"machine": told, "not_measured": missing, **described(given, known, planned)}
    with prepared(planned, known, measured["not_measured"]) as (servers, upstream):
        rounds.measure(measured, planned, wanted, servers, upstream, lambda: write(folder, measured))
    print(f"Written: {folder / report.PAGE_NAME}")


def described(given: argparse.Namespace, known: Mapping[str, Host], planned: plan.Plan) -> dict[str, Any]:
    """What a run is about to measure, and its results, which are still empty."""
    return {
        "targets": {name: plan.title(name, known) for name in planned},
        "left_out": [name for name in plan.PLAN if name not in planned],
        "planned_rounds": given.rounds,
        "limit": given.calls,
        "note": given.note,
        "rounds": 0,
        "runs": [],
    }


def is_complete(given: argparse.Namespace) -> bool:
    """True if nothing is left out."""
    return not (given.only or given.skip or given.calls) and len(given.scenario) == len(scenarios.ALL)


def chosen(given: argparse.Namespace) -> tuple[dict[str, Host], plan.Plan, list[Scenario]]:
    """The hosts, the plan and the scenarios that the arguments select."""
    others: dict[str, Host] = {}
    for python in given.python:
        others |= hosts.of_python(python)
    everything = plan.with_pythons(others)
    names = [name for name in given.only or everything if name not in given.skip]
    wanted = [scenario for scenario in scenarios.ALL if scenario.name in given.scenario]
    if given.calls:
        wanted = [scenario.limited(given.calls) for scenario in wanted]
    return HOSTS | others, {name: everything[name] for name in [*names, *others]}, wanted


def install(names: Container[str], versions: dict[str, str]) -> dict[str, str]:
    """Install these rivals if necessary, add their versions, and return why one of them could not be installed."""
    missing: dict[str, str] = {}
    steps: dict[str, Callable[[], dict[str, str]]] = {
        targets.NGINX: lambda: {"nginx": nginx.version()},
        targets.PORTKEY: portkey.install,
        targets.LITELLM: lambda: {"litellm": litellm.install()},
    }
    for name, step in steps.items():
        try:
            versions |= step() if name in names else {}
        except (OSError, subprocess.CalledProcessError) as error:
            missing[name] = processes.reason(error)
    return missing


def write(folder: Path, measured: dict[str, Any]) -> None:
    """Store the results and write the page about them; also the summary in the manual, unless this is a trial."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _RAW).write_text(json.dumps(measured, indent=1) + "\n")
    report.write(folder, measured, is_published=folder == RESULTS)


@contextlib.contextmanager
def mock_upstream(folder: Path) -> Iterator[tuple[Process, str]]:
    """The upstream of all targets, and its address."""
    log = folder / "upstream.log"
    process = processes.start([sys.executable, "-m", "benchmarks.upstream"], env=os.environ, log=log)
    try:
        processes.wait_for(process, lambda: log.read_text().endswith("\n"))
        yield process, log.read_text().strip()
    finally:
        process.stop()


@contextlib.contextmanager
def prepared(
    names: Mapping[str, object], known: Mapping[str, Host], missing: dict[str, str]
) -> Iterator[tuple[dict[str, targets.Target], targets.Upstream]]:
    """All targets with their databases, not running. The reason why one is left out is stored in `missing`."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="threadless-bench-")))
        process, url = stack.enter_context(mock_upstream(folder))
        upstream = targets.Upstream(process, url, folder)
        ready: dict[str, targets.Target] = {}
        for name in names:
            if name == targets.UPSTREAM:
                ready[name] = upstream
            elif name not in missing:
                try:
                    ready[name] = targets.prepare(name, url, folder / name, known)
                except (OSError, subprocess.CalledProcessError) as error:
                    missing[name] = processes.reason(error)
                    continue
                stack.callback(ready[name].remove)
        yield ready, upstream


if __name__ == "__main__":
    main()
