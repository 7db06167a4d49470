"""`python -m benchmarks.soak`: memory, threads and sockets in the course of 20,000 mixed calls on one gevent worker."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks import hosts, payloads, scenarios, targets
from benchmarks.__main__ import mock_upstream
from benchmarks.processes import ROOT
from benchmarks.scenarios import Scenario
from benchmarks.targets import Target

RESULTS: Final = ROOT / "benchmarks" / "results"
_POINTS: Final = (1_000, 5_000, 10_000, 15_000, 20_000)
_MIX: Final = (*[payloads.JSON] * 12, *[payloads.BURST] * 4, *[payloads.FAIL] * 2, *[payloads.LEAVE] * 2)
_CONNECTIONS: Final = 16
_QUIET_SECONDS: Final = 3.0
"""Time for calls whose clients have left to end."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument(
        "--calls", type=int, default=_POINTS[-1], help="fewer calls for a trial; the result is not stored"
    )
    calls = parser.parse_args().calls
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # stop the servers together with the run
    with (
        tempfile.TemporaryDirectory(prefix="threadless-bench-") as folder,
        mock_upstream(Path(folder)) as (_, url),
        targets.running(hosts.GEVENT, url, Path(folder) / "host") as target,
    ):
        told = soak(target, url, [point for point in _POINTS if point <= calls])
    print(json.dumps(told, indent=1))
    if calls == _POINTS[-1]:
        (RESULTS / "soak.json").write_text(json.dumps(told, indent=1) + "\n")
    sys.exit(bool(told["errors"] or told["ids_not_exactly_once"]))


def soak(target: Target, upstream: str, points: list[int]) -> dict[str, Any]:
    """Make calls up to each point and measure there."""
    made, seen = 0, list[str]()
    errors: dict[str, int] = {}
    told: dict[str, Any] = {"date": datetime.now(UTC).date().isoformat(), "points": []}
    for point in points:
        part = Scenario(name="soak", title="", kinds=_MIX, connections=_CONNECTIONS, calls=point - made, timeout=1200.0)
        errors |= scenarios.Load.of(part, target).go()["errors"]
        made = point
        time.sleep(_QUIET_SECONDS)
        seen += scenarios.seen_ids(upstream)
        told["points"].append(_look(target, made))
        print(told["points"][-1], flush=True)
    written = target.request_ids()
    missing = len(set(seen) - set(written)) + len(written) - len(set(written))
    told |= {"errors": errors, "rows": target.rows(), "ids_not_exactly_once": missing}
    by_calls = {point["calls"]: point["rss_mb"] for point in told["points"]}
    base = by_calls.get(5_000) or told["points"][0]["rss_mb"]
    return told | {"growth_percent": round(100 * (told["points"][-1]["rss_mb"] / base - 1), 2)}


def _look(target: Target, calls: int) -> dict[str, Any]:
    return {
        "calls": calls,
        "rss_mb": round(target.process.rss_bytes() / 2**20, 1),
        "threads": target.process.threads(),
        "sockets": sum(name.startswith("socket:") for name in target.process.open_files()),
        "connections": target.connections(),
    }


if __name__ == "__main__":
    main()
