"""The scenarios, and how one is run against one target."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from benchmarks import payloads
from benchmarks.processes import ROOT, Sampler
from benchmarks.targets import Target

_SETTLE_SECONDS: Final = 90.0
_WARM_UP_CALLS: Final = 64


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Calls of these kinds in turn, over a number of connections that are opened within `ramp` seconds."""

    name: str
    kinds: tuple[str, ...]
    connections: int
    calls: int
    ramp: float = 0.0
    rounds: int = 3
    timeout: float = 120.0

    def scaled(self, factor: float) -> Scenario:
        """The same scenario with fewer calls, for slow targets. The number of paced streams does not change."""
        if payloads.PACED in self.kinds:
            return self
        return replace(self, calls=max(self.connections * 2, round(self.calls * factor)))


def _paced(streams: int) -> Scenario:
    return Scenario(
        name=f"paced-{streams}",
        kinds=(payloads.PACED,),
        connections=streams,
        calls=streams,
        ramp=2.0,
        rounds=1,
        timeout=60.0,
    )


ALL: Final = (
    Scenario(name="json-1", kinds=(payloads.JSON,), connections=1, calls=1500),
    Scenario(name="json-32", kinds=(payloads.JSON,), connections=32, calls=3000),
    Scenario(name="large-1", kinds=(payloads.LARGE,), connections=1, calls=800),
    Scenario(name="agent-1", kinds=(payloads.AGENT,), connections=1, calls=400),
    Scenario(name="agent-stream-1", kinds=(payloads.AGENT_STREAM,), connections=1, calls=200),
    Scenario(name="burst-1", kinds=(payloads.BURST,), connections=1, calls=200),
    Scenario(name="burst-32", kinds=(payloads.BURST,), connections=32, calls=640),
    _paced(100),
    _paced(500),
    _paced(1000),
)


def run(scenario: Scenario, target: Target, upstream: str) -> dict[str, Any]:
    """Warm up, run, wait until the ledger is written, and return the measurements."""
    if not scenario.ramp:
        warm_up = min(_WARM_UP_CALLS, scenario.calls)
        Load.of(replace(scenario, calls=warm_up), target).go()
        _settled(target, 0)
    seen_ids(upstream)
    rows = sum(target.rows().values())
    load = Load.of(scenario, target)
    cpu = target.process.cpu_seconds()
    with Sampler(target.process, target.connections) as sampler:
        measured = load.go()
    _settled(target, rows + scenario.calls)
    used = target.process.cpu_seconds() - cpu
    measured |= _costs(scenario, used, measured)
    measured |= {"peak_rss_mb": round(sampler.peak_rss / 2**20, 1), "threads": sampler.peak_threads}
    return measured | {"connections_held": sampler.peak_connections, "ledger": ledger(target, upstream, rows)}


def _costs(scenario: Scenario, used: float, measured: dict[str, Any]) -> dict[str, Any]:
    costs: dict[str, Any] = {"cpu_seconds": round(used, 2), "cpu_ms_per_call": round(1000 * used / scenario.calls, 3)}
    costs["calls_per_second"] = round(scenario.calls / measured["wall_seconds"], 1)
    if measured["chunks"]:
        costs["cpu_us_per_chunk"] = round(1e6 * used / measured["chunks"], 1)  # chunks that arrived
    return costs


def ledger(target: Target, upstream: str, rows_before: int) -> dict[str, Any]:
    """The number of new rows, the states of all rows, and the number of ids without exactly one row."""
    seen, states, written = seen_ids(upstream), target.rows(), target.request_ids()
    told: dict[str, Any] = {"rows": sum(states.values()) - rows_before, "states": states, "upstream_calls": len(seen)}
    if written:
        told["ids_not_exactly_once"] = len(set(seen) - set(written)) + len(written) - len(set(written))
    return told


def seen_ids(upstream: str) -> list[str]:
    """The request ids that the upstream saw since the last call of this function."""
    with urllib.request.urlopen(f"{upstream}/ids") as answer:
        text = answer.read().decode()
    return [name for name in text.split("\n") if name]  # LiteLLM sends no ids


def _settled(target: Target, rows: int) -> None:
    """Wait for `rows` rows and for the end of work after the answers, which is part of the cost."""
    end = time.monotonic() + _SETTLE_SECONDS
    before = -1.0
    while time.monotonic() < end:
        now = target.process.cpu_seconds()
        if now - before < 0.02 and (not target.database or sum(target.rows().values()) >= rows):
            return
        before = now
        time.sleep(0.25)


class Load:
    """A load generator that is ready to start."""

    @classmethod
    def of(cls, scenario: Scenario, target: Target) -> Self:
        """The load of a scenario on a target."""
        wanted = {"kinds": list(scenario.kinds), "ramp": scenario.ramp, "timeout": scenario.timeout}
        wanted |= {"connections": scenario.connections, "calls": scenario.calls}
        return cls({"port": target.port, "path": target.path, "key": target.key, **wanted})

    def __init__(self, spec: dict[str, Any]) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(json.dumps(spec))
        self._hear()

    def go(self) -> dict[str, Any]:
        """Run it and return its result."""
        self._say("go")
        result: dict[str, Any] = json.loads(self._hear())
        self._popen.communicate()
        return result

    def _say(self, line: str) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write(line + "\n")
        self._popen.stdin.flush()

    def _hear(self) -> str:
        assert self._popen.stdout is not None
        return self._popen.stdout.readline()
