"""Writes `benchmarks/results/performance.md`: goals, tables, machine, and what was not measured."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from functools import partial
from typing import Any, Final

from benchmarks import gates, plot
from benchmarks.processes import ROOT

PICTURE: Final = ROOT / "docs" / "images" / "performance.svg"
_RESULTS: Final = ROOT / "benchmarks" / "results"
PAGE: Final = _RESULTS / "performance.md"

NAMES: Final = {
    "gevent": "threadless, gunicorn gevent",
    "gevent-postgresql": "threadless, gunicorn gevent, PostgreSQL",
    "gthread": "threadless, gunicorn gthread (128 threads)",
    "uvicorn": "threadless, uvicorn",
    "granian": "threadless, granian ASGI",
    "litellm": "LiteLLM proxy",
    "floor": "pass-through without Django (floor)",
    "upstream": "mock upstream alone (limit of the tools)",
}
_SCENARIOS: Final = {
    "json-1": "Small JSON, 1 connection",
    "json-32": "Small JSON, 32 connections",
    "large-1": "200 KB request of 50 messages, 1 connection",
    "agent-1": "600 KB request of an agent (150 messages, 30 tools), 1 connection",
    "agent-stream-1": "the same request, answered by 200 chunks back to back",
    "burst-1": "200 chunks back to back, 1 connection",
    "burst-32": "200 chunks back to back, 32 connections",
    "paced-100": "20 chunks/s for 10 s, 100 streams",
    "paced-500": "20 chunks/s for 10 s, 500 streams",
    "paced-1000": "20 chunks/s for 10 s, 1,000 streams",
}


def line(run: dict[str, Any]) -> str:
    """One run on one line, for progress output."""
    cost = f"{run['cpu_us_per_chunk']} µs/chunk" if "cpu_us_per_chunk" in run else f"{run['cpu_ms_per_call']} ms/call"
    return f"{run['scenario']:14} {run['target']:18} {cost:>18}  {run['wall_seconds']:6.1f} s  {run['errors'] or ''}"


def _rounds(measured: dict[str, Any]) -> str:
    """How many rounds were measured, as a sentence."""
    repeated = Counter((run["scenario"], run["target"]) for run in measured["runs"])
    most = max(repeated.values())
    return "One round of each scenario." if most == 1 else f"The median of up to {most} rounds of each scenario."


def median(measured: dict[str, Any], scenario: str, target: str) -> dict[str, Any]:
    """The round with the median CPU, with the errors of all rounds; empty if the scenario was not run."""
    runs = [run for run in measured["runs"] if (run["scenario"], run["target"]) == (scenario, target)]
    if not runs:
        return {}
    middle = statistics.median_low(run["cpu_ms_per_call"] for run in runs)
    chosen = next(run for run in runs if run["cpu_ms_per_call"] == middle)
    return chosen | {"all_errors": sum(sum(run["errors"].values()) for run in runs), "rounds": len(runs)}


def tables(measured: dict[str, Any]) -> str:
    """One table per scenario."""
    return "\n".join(filter(None, (_table(measured, scenario) for scenario in _SCENARIOS)))


def _table(measured: dict[str, Any], scenario: str) -> str:
    runs = {target: run for target in NAMES if (run := median(measured, scenario, target))}
    if not runs:
        return ""
    is_stream = any("cpu_us_per_chunk" in run for run in runs.values())
    cost = "cpu_us_per_chunk" if is_stream else "cpu_ms_per_call"
    head = ["", "CPU µs per chunk" if is_stream else "CPU ms per call", "relative to LiteLLM", "relative to the floor"]
    head += ["first byte p50 / p99 ms", "whole answer p50 / p99 ms"]
    head += ["on time" if scenario.startswith("paced") else "calls/s", "errors", "peak MB", "database connections"]
    rows = [head, ["---", *["--:"] * (len(head) - 1)]]
    rows += [_row(NAMES[target], run, cost, runs) for target, run in runs.items()]
    return f"### {_SCENARIOS[scenario]}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _row(name: str, run: dict[str, Any], cost: str, runs: dict[str, dict[str, Any]]) -> list[str]:
    value = run.get(cost, float("nan"))
    paced = run["on_time"] is not None
    return [
        name,
        f"{value:.1f}" if cost.endswith("chunk") else f"{value:.2f}",
        _ratio(value, runs.get("litellm", {}).get(cost)),
        _ratio(value, runs.get("floor", {}).get(cost)),
        _pair(run["first_ms"]),
        _pair(run["latency_ms"]),
        f"{run['on_time']} of {run['calls']}" if paced else f"{run['calls_per_second']:.0f}",
        str(run["all_errors"]),
        f"{run['peak_rss_mb']:.0f}",
        str(run["connections_held"]) if run["ledger"]["states"] else "–",
    ]


def _ratio(value: float, other: float | None) -> str:
    if not other:
        return "–"
    return f"1/{other / value:.1f}" if value < other else f"{value / other:.1f} ×"


def _pair(percentiles: dict[str, float]) -> str:
    return f"{percentiles['p50']:.1f} / {percentiles['p99']:.1f}" if percentiles else "–"


def write(measured: dict[str, Any]) -> None:
    """Write the page and its chart."""
    lookup = partial(median, measured)
    soak, counted, sampled = _kept("soak.json"), _kept("instructions.json"), _kept("profile.json")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(plot.picture(lookup))
    parts = [_HEAD, gates.table(lookup, soak), _machine(measured), "## Figures\n", tables(measured)]
    parts += [gates.profile_text(sampled), _ledger(measured), gates.soak_text(soak), gates.instructions_text(counted)]
    parts += [_LIMITS, _missing(measured)]
    PAGE.write_text("\n".join(part.rstrip() + "\n" for part in parts if part))


def _kept(name: str) -> dict[str, Any]:
    path = _RESULTS / name
    return json.loads(path.read_text()) if path.exists() else {}


def _machine(measured: dict[str, Any]) -> str:
    facts = measured["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (
        f"Measured on {facts['date']} in one run: {facts['cores']} cores ({facts['processor']}), "
        f"{facts['memory_gb']} GB, {facts['system']}, Python {facts['python']}; {versions}. Load average at the start: "
        f"{facts['load_average_at_start']}. {_rounds(measured)}\n"
    )


def _ledger(measured: dict[str, Any]) -> str:
    """Compare the number of calls with the ledger."""
    own = [run for run in measured["runs"] if run["target"] not in ("upstream", "floor", "litellm")]
    calls, rows = sum(run["calls"] for run in own), sum(run["ledger"]["rows"] for run in own)
    off = sum(run["ledger"].get("ids_not_exactly_once", 0) for run in own)
    open_rows = sum(run["ledger"]["states"].get("open", 0) for run in own)
    return (
        f"## The ledger\n\n{calls:,} calls to the example host; {rows:,} rows afterwards, {open_rows} of them open. "
        f"Request ids that the upstream saw without exactly one row: {off}.\n"
    )


def _missing(measured: dict[str, Any]) -> str:
    lines = [f"- {NAMES[name]}: {reason}." for name, reason in measured["not_measured"].items()]
    return "Not started in this run:\n\n" + "\n".join(lines) + "\n" if lines else ""


_HEAD: Final = """# Benchmark results

Written by `python -m benchmarks`. Do not edit. [docs/performance.md](../../docs/performance.md) is the summary.

Each call to threadless does all its work: it looks up the key, checks scope and model, counts the rate, token and
concurrency limits (set so high that they refuse nothing), validates the request, commits a row before the upstream is
called and settles it afterwards, watches the client, and schedules pings. LiteLLM looks up a hashed key and writes one
row per call, both in SQLite, through its own hooks; its virtual keys, limits, debug logs, telemetry and spend tracking
are off (`benchmarks/litellm_config.yaml`, `benchmarks/litellm_hooks.py`). The floor is the same gunicorn and gevent
with a WSGI application that only passes bytes on: no Django, no key, no ledger. Each server has one worker process.

CPU is the user and system time of all processes of the server, including work after the answer. It depends much less on
other load than latency does. The upstream answers at once, or sends one chunk every 50 ms.

![CPU per call and per chunk, compared with LiteLLM and the floor](../../docs/images/performance.svg)
"""

_LIMITS: Final = """## What was not measured

- More than one worker, more than one machine, TLS, a proxy in front, HTTP/2.
- A real model. It adds waiting time, which costs a server almost nothing.
- LiteLLM with its virtual keys and spend tracking, which need PostgreSQL and a binary that the package index does not
  have. They would add to its cost. It runs as `pip install "litellm[proxy]"` installs it.
- Images and audio in requests, tool calls in streams.
- Other gateways.

The load generator and the mock upstream share the cores with the server. Each table shows their own limit.
"""
