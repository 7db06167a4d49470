"""The scenarios, and how one is run against one target."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from benchmarks import payloads, processes
from benchmarks.processes import ROOT, Sampler
from benchmarks.targets import Target, Upstream

_SETTLE_SECONDS: Final = 45.0
_WARM_UP_CALLS: Final = 64
_OPENED_WITHIN: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Calls of these kinds in turn, over a number of connections that are opened within `ramp` seconds."""

    name: str
    title: str
    kinds: tuple[str, ...]
    connections: int
    calls: int
    ramp: float = 0.0
    timeout: float = 120.0
    is_fresh: bool = False
    """The server is restarted before, so that earlier calls have not enlarged its memory."""

    @property
    def wait_seconds(self) -> float:
        """How long one call takes at any server, because its upstream takes so long."""
        return max(payloads.KIND_SECONDS.get(kind, 0.0) for kind in self.kinds)

    @property
    def seconds(self) -> float:
        """How long the calls take at least."""
        return self.ramp + self.wait_seconds * self.calls / self.connections

    def scaled(self, factor: float) -> Scenario:
        """The same scenario with fewer calls, for slow targets. The number of calls that wait does not change."""
        if self.wait_seconds:
            return self
        return replace(self, calls=max(self.connections * 2, round(self.calls * factor)))

    def limited(self, calls: int) -> Scenario:
        """The same scenario with at most this many calls, for a trial."""
        return replace(self, calls=min(self.calls, calls), connections=min(self.connections, calls))


def _calls(name: str, title: str, kind: str, connections: int, calls: int) -> Scenario:
    return Scenario(name=name, title=title, kinds=(kind,), connections=connections, calls=calls)


def _opened(name: str, title: str, kind: str, number: int, *, is_fresh: bool = False) -> Scenario:
    """This many calls at the same time, opened within two seconds."""
    shape: dict[str, Any] = {"connections": number, "calls": number, "ramp": _OPENED_WITHIN, "timeout": 60.0}
    return Scenario(name=name, title=title, kinds=(kind,), is_fresh=is_fresh, **shape)


_PACED_TITLE: Final = "20 chunks/s for 10 s, {} streams opened within 2 s"
ALL: Final = (
    _calls("json-1", "Small JSON, 1 connection", payloads.JSON, 1, 1000),
    _calls("json-32", "Small JSON, 32 connections", payloads.JSON, 32, 2000),
    _calls("large-1", "200 KB request of 50 messages, 1 connection", payloads.LARGE, 1, 400),
    _calls("agent-1", "600 KB request of an agent (150 messages, 30 tools), 1 connection", payloads.AGENT, 1, 200),
    _calls("agent-stream-1", "The same request, answered by 200 chunks", payloads.AGENT_STREAM, 1, 100),
    _calls("burst-1", "200 chunks back to back, 1 connection", payloads.BURST, 1, 150),
    _calls("burst-32", "200 chunks back to back, 32 connections", payloads.BURST, 32, 480),
    _opened("paced-100", _PACED_TITLE.format("100"), payloads.PACED, 100),
    _opened("paced-500", _PACED_TITLE.format("500"), payloads.PACED, 500),
    _opened("paced-1000", _PACED_TITLE.format("1,000"), payloads.PACED, 1000, is_fresh=True),
    _opened("slow-1000", "1,000 JSON calls opened within 2 s, answered after 10 s", payloads.SLOW, 1000),
    Scenario(
        name="image-50",
        title="Image of 4 MB, 50 at once, answered after 2 s",
        kinds=(payloads.IMAGE,),
        connections=50,
        calls=100,
        is_fresh=True,
    ),
)


def run(scenario: Scenario, target: Target, upstream: Upstream) -> dict[str, Any]:
    """Warm up, run, wait until the ledger is written, and return the measurements."""
    _warm_up(scenario, target)
    seen_ids(upstream.url)
    rows = sum(target.rows().values())
    load = Load.of(scenario, target)
    told: dict[str, Any] = {"connections": scenario.connections, "rest_mb": _mb(target.process.rss_bytes())}
    told["worker_rest_mb"] = _mb(target.process.largest_rss_bytes())
    start, foreign, cpu = time.monotonic(), _foreign_seconds(target, upstream), target.process.cpu_seconds()
    with Sampler(target.process, target.connections) as sampler:
        measured = load.go()
    took = time.monotonic() - start
    foreign = _foreign_seconds(target, upstream) - foreign - measured["load_cpu_seconds"]
    _settled(target, rows + scenario.calls)
    used = target.process.cpu_seconds() - cpu
    told |= measured | _costs(scenario, used, measured)
    told["foreign_cpu_percent"] = round(100 * max(0.0, foreign) / took / (os.cpu_count() or 1), 1)
    told |= {"peak_rss_mb": _mb(sampler.peak_rss), "threads": sampler.peak_threads}
    return told | {"connections_held": sampler.peak_connections, "ledger": ledger(target, upstream.url, rows)}


def _foreign_seconds(target: Target, upstream: Upstream) -> float:
    """The CPU time of the machine without the server, the upstream and this process."""
    known = {process.popen.pid: process.cpu_seconds() for process in (target.process, upstream.process)}
    return processes.busy_seconds() - sum(known.values()) - time.process_time()


def _warm_up(scenario: Scenario, target: Target) -> None:
    """Calls of the scenario itself, or small ones if its own wait for the upstream."""
    if scenario.is_fresh:
        target.stop()
        target.launch()
    calls = min(_WARM_UP_CALLS, scenario.calls)
    warm = replace(scenario, calls=calls)
    if scenario.wait_seconds:
        warm = replace(warm, kinds=(payloads.JSON,), connections=min(4, calls), ramp=0.0)
    Load.of(warm, target).go()
    _settled(target, 0)


def _mb(size: int) -> float:
    return round(size / 2**20, 1)


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
        where = {"port": target.port, "path": target.path, "key": target.key, "headers": target.headers}
        return cls(where | wanted)

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
