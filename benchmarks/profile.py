"""`python -m benchmarks.profile`: CPU time by component, sampled by py-spy in the worker under load.

A sample is attributed to the Python code that was running, including the C code it called: SQLite's to
`threadless/db/prepared.py` and the pooled connection, sockets and the kernel's part to gevent. Waiting is excluded.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks import hosts, scenarios, targets
from benchmarks.__main__ import mock_upstream
from benchmarks.processes import ROOT
from benchmarks.targets import Target

RESULTS: Final = ROOT / "benchmarks" / "results" / "profile.json"
_CALLS: Final = {"json-1": 8000, "large-1": 3000, "burst-32": 2000, "paced-100": 100}
_RATE: Final = 500
_START_SECONDS: Final = 1.0
_WAITING: Final = ("gevent/_threading.py", "gevent/threadpool.py", "gevent/hub.py")
_FRAME: Final = re.compile(r"\((?P<file>[^()]*?)(?::\d+)?\)$")
_NAMES: Final = {
    "gevent": "gevent: sockets (the kernel's part too), locks, switches",
    "gunicorn": "gunicorn: requests read, answers written",
    "django": "Django: handler, host's middleware, signals, cache, connections",
    "rest_framework": "REST framework: dispatch",
    "asgiref": "Django: handler, host's middleware, signals, cache, connections",
    "threadless/db/prepared.py": "SQLite: key, opening, settlement",
    "threadless/contrib/pooled_sqlite/base.py": "SQLite: key, opening, settlement",
    "project": "the example host: resolver, key adapter",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # stop the servers together with the run
    told = {name: profile(name, calls) for name, calls in _CALLS.items()}
    RESULTS.write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told, indent=1))


def profile(name: str, calls: int) -> dict[str, float]:
    """Percentage of the samples of one scenario, by component."""
    scenario = next(scenario for scenario in scenarios.ALL if scenario.name == name)
    with tempfile.TemporaryDirectory(prefix="threadless-bench-") as folder, _served(Path(folder)) as target:
        scenarios.Load.of(replace(scenario, calls=min(calls, 64), ramp=0.0), target).go()
        stacks = Path(folder) / "stacks"
        with _sampled(target, stacks):
            scenarios.Load.of(replace(scenario, calls=calls), target).go()
        counted = Counter(dict.fromkeys(_NAMES.values(), 0))
        for stack, number in _read(stacks):
            counted[_owner(stack)] += number
    total = counted.total()
    return {owner: round(100 * number / total, 1) for owner, number in counted.most_common() if number}


@contextmanager
def _served(folder: Path) -> Iterator[Target]:
    with mock_upstream(folder) as (_, url), targets.running(hosts.GEVENT, url, folder / "host") as target:
        yield target


@contextmanager
def _sampled(target: Target, stacks: Path) -> Iterator[None]:
    """Run py-spy on the worker, which is the last process of the tree."""
    command = [str(Path(sys.executable).parent / "py-spy"), "record", "--rate", str(_RATE), "--format", "raw"]
    command += ["--full-filenames", "--output", str(stacks), "--pid", str(target.process.tree()[-1])]
    sampler = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    time.sleep(_START_SECONDS)
    try:
        yield
    finally:
        sampler.send_signal(signal.SIGINT)
        sampler.wait()


def _read(stacks: Path) -> Iterator[tuple[list[str], int]]:
    """Stacks with the number of their samples, outermost frame first, without those that wait."""
    for line in stacks.read_text().splitlines():
        frames, _, number = line.rpartition(" ")
        stack = [found["file"] for frame in frames.split(";") if (found := _FRAME.search(frame))]
        if stack and not stack[-1].endswith(_WAITING):
            yield stack, int(number)


def _owner(stack: list[str]) -> str:
    """The component of the innermost frame. Standard library code is attributed to its caller."""
    for file in reversed(stack):
        own = file.removeprefix(f"{ROOT}/")
        if own in _NAMES:
            return _NAMES[own]
        if own.startswith("threadless/"):
            return f"threadless/{own.split('/')[1].removesuffix('.py')}"
        package = file.rpartition("site-packages/")[2].partition("/")[0] if "site-packages/" in file else ""
        if package or own.startswith("project/"):
            return _NAMES.get(package or "project", package)
    return "other"


if __name__ == "__main__":
    main()
