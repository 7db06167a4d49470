"""Runs the rounds. Each server is alone on the machine while it is measured: the others are paused."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from benchmarks import plan, processes, report, scenarios
from benchmarks.scenarios import Scenario
from benchmarks.targets import Target, Upstream

_FAILURES: Final = (OSError, RuntimeError, subprocess.CalledProcessError)


def measure(
    measured: dict[str, Any],
    planned: plan.Plan,
    wanted: list[Scenario],
    servers: dict[str, Target],
    upstream: Upstream,
    store: Callable[[], None],
) -> None:
    """All rounds. Adds the results to `measured`, and calls `store` after each round."""
    for number in range(1, measured["planned_rounds"] + 1):
        print(f"Round {number} of {measured['planned_rounds']}", flush=True)
        turns = list(plan.turns(planned, wanted, number))
        with _started({name for _, name in turns}, servers, measured["not_measured"]):
            runs = _runs(turns, servers, upstream, measured["not_measured"])
            measured["runs"] += [{"round": number, **run} for run in runs]
        measured["rounds"] = number
        store()


def _runs(
    turns: list[plan.Turn], servers: Mapping[str, Target], upstream: Upstream, missing: dict[str, str]
) -> Iterator[dict[str, Any]]:
    for scenario, name in turns:
        if name in missing:
            continue
        target = servers[name]
        target.resume()
        try:
            run = {"scenario": scenario.name, "target": name, **scenarios.run(scenario, target, upstream)}
        except _FAILURES as error:
            missing[name] = f"stopped during {scenario.name}: {processes.reason(error)}"
            continue
        finally:
            target.pause()
        print(report.line(run), flush=True)
        yield run


@contextlib.contextmanager
def _started(names: set[str], servers: Mapping[str, Target], missing: dict[str, str]) -> Iterator[None]:
    """These servers, new in each round and paused. The reason why one does not start is stored in `missing`."""
    with contextlib.ExitStack() as stack:
        for name, target in servers.items():
            if name not in names or name in missing:
                continue
            try:
                target.launch()
            except _FAILURES as error:
                missing[name] = processes.reason(error)
                continue
            stack.callback(target.stop)
            target.pause()
        yield
