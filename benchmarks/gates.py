"""The goals: what was promised, what was measured, and why a goal is missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Lookup = Callable[[str, str], dict[str, Any]]
Judged = tuple[str, str, bool | None]
"""The goal, the result, and whether it is met; None if it was not measured."""

_OWN, _RIVAL, _POSTGRESQL = "gevent", "litellm", "gevent-postgresql"
_RATIOS: Final = (
    ("CPU of a JSON call", "json-1", "cpu_ms_per_call", "ms", 10),
    ("CPU of a chunk, 100 paced streams", "paced-100", "cpu_us_per_chunk", "µs", 6),
    ("CPU of a chunk, 500 paced streams", "paced-500", "cpu_us_per_chunk", "µs", 8),
    ("CPU of a chunk, back to back", "burst-32", "cpu_us_per_chunk", "µs", 20),
    ("Peak memory, 32 connections", "json-32", "peak_rss_mb", "MB", 3),
)
_REASONS: Final = {
    "CPU of a JSON call": "JSON call: threadless takes a quarter of the time. The rest is Django's handler with the "
    "seven middlewares of the example host, two SQLite commits with six indexes, gunicorn and the sockets. A call "
    "inside a platform cannot avoid these.",
    "CPU of a chunk, 100": "100 paced streams: each chunk wakes the worker separately, so most of the time is the "
    "operating system's, as it is for the floor.",
    "Peak memory": "Memory: pages that gunicorn's master and its worker share are counted twice.",
    "1,000 paced": "1,000 streams: load generator, upstream and server share two cores, and the worker's core is "
    "fully used. The last table shows the floor for comparison.",
    "200 KB": "200 KB request: the body is read three times (for duplicate keys and NaN, for types, and for the "
    "unchanged bytes), and it passes two sockets.",
}
_LARGE_MS: Final = 2.0
_WALL_SECONDS: Final = 13.0
_FIRST_MS: Final = 500.0
_GROWTH_PERCENT: Final = 5.0


def table(lookup: Lookup, soak: dict[str, Any]) -> str:
    """All goals, one per row."""
    judged = [_ratio(lookup, *gate) for gate in _RATIOS]
    judged += [_thousand(lookup), _large(lookup), _connections(lookup), _soak(soak)]
    words = {True: "met", False: "**missed**", None: "not measured"}
    rows = "\n".join(f"| {gate} | {result} | {words[is_met]} |" for gate, result, is_met in judged)
    return f"## Goals\n\n| goal | result | |\n| --- | --- | --- |\n{rows}\n{_why(judged)}"


def _why(judged: list[Judged]) -> str:
    """The reasons for the goals that are missed."""
    missed = [gate for gate, _, is_met in judged if is_met is False]
    reasons = [reason for start, reason in _REASONS.items() if any(gate.startswith(start) for gate in missed)]
    return "\n" + "\n".join(f"- {reason}" for reason in reasons) + "\n" if reasons else ""


def _ratio(lookup: Lookup, what: str, scenario: str, cost: str, unit: str, part: int) -> Judged:
    gate = f"{what}: at most 1/{part} of LiteLLM"
    own, rival = lookup(scenario, _OWN).get(cost), lookup(scenario, _RIVAL).get(cost)
    if not own or not rival:
        return gate, "–", None
    text = f"{own:g} {unit} against {rival:g} {unit}: 1/{rival / own:.1f}"
    by = "" if own * part <= rival else f"; {own * part / rival:.1f} times the goal"
    return gate, text + by, own * part <= rival


def _thousand(lookup: Lookup) -> Judged:
    gate = "1,000 paced streams on one worker: no error, all done within 13 s, first byte p99 below 0.5 s"
    run, rival = lookup("paced-1000", _OWN), lookup("paced-1000", _RIVAL)
    if not run:
        return gate, "–", None
    first = run["first_ms"]["p99"]
    text = f"{run['all_errors']} errors, {run['wall_seconds']:.1f} s, first byte p99 {first / 1000:.2f} s"
    if rival:
        text += f" (LiteLLM: {rival['all_errors']} errors)"
    return gate, text, not run["all_errors"] and run["wall_seconds"] <= _WALL_SECONDS and first < _FIRST_MS


def _large(lookup: Lookup) -> Judged:
    used = lookup("large-1", _OWN).get("cpu_ms_per_call")
    return "200 KB request: at most 2.0 ms CPU", f"{used} ms", None if used is None else used <= _LARGE_MS


def _connections(lookup: Lookup) -> Judged:
    gate = "No database connection held while waiting for the upstream (PostgreSQL with pool)"
    run = lookup("paced-500", _POSTGRESQL)
    if not run:
        return gate, "–", None
    text = (
        f"500 concurrent streams shared {run['connections_held']} connections of a pool of 4, "
        f"{run['all_errors']} errors"
    )
    return gate, text, run["connections_held"] <= 4 and not run["all_errors"]


def _soak(soak: dict[str, Any]) -> Judged:
    gate = "Memory after 20,000 calls within 5 % of its value at 5,000"
    if not soak:
        return gate, "–", None
    growth = soak["growth_percent"]
    return gate, f"{growth:+.1f} %", abs(growth) <= _GROWTH_PERCENT


def soak_text(soak: dict[str, Any]) -> str:
    """Memory, threads and sockets in the course of a long run."""
    if not soak:
        return ""
    rows = "\n".join(
        f"| {point['calls']:,} | {point['rss_mb']:.1f} | {point['threads']} | {point['sockets']} "
        f"| {point['connections']} |"
        for point in soak["points"]
    )
    return (
        "## Long run\n\n`python -m benchmarks.soak`: plain calls, streams, calls that the upstream fails, and "
        f"clients that leave in the middle; {soak['date']}. Measured after each part, with no call running.\n\n| "
        "calls | memory MB | threads | sockets | database connections |\n| --: | --: | --: | --: | --: "
        f"|\n{rows}\n\nRows of the ledger: {soak['rows']}. Growth from 5,000 to 20,000 calls: "
        f"{soak['growth_percent']:+.1f} %.\n"
    )


def instructions_text(counted: dict[str, Any]) -> str:
    """Machine instructions per call."""
    if not counted:
        return ""
    rows = "\n".join(
        f"| {version} | {kind} | {figures['instructions']:,} | {figures['spread_percent']:.2f} % "
        f"| {sum(figures['functions'].values())} | {figures['queries']} |"
        for version, kinds in counted.items()
        for kind, figures in kinds.items()
    )
    return (
        "## Instructions\n\n`python -m benchmarks.instructions` counts the machine instructions of one call within a "
        "process (callgrind, no server, upstream in another process). The number does not depend on the load of the "
        "machine. The command reports what grew since these figures.\n\n| versions | call | instructions | spread | "
        f"Python functions | queries |\n| --- | --- | --: | --: | --: | --: |\n{rows}\n"
    )


def profile_text(told: dict[str, dict[str, float]]) -> str:
    """Share of CPU time by component, for each scenario."""
    if not told:
        return ""
    first = next(iter(told.values()))
    owners = sorted({owner for shares in told.values() for owner in shares}, key=lambda owner: -first.get(owner, 0))
    rows = [["component", *told], ["---", *["--:"] * len(told)]]
    rows += [[owner, *(f"{shares.get(owner, 0):.1f} %" for shares in told.values())] for owner in owners]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        "## CPU time by component\n\n`python -m benchmarks.profile` samples the gevent worker under load with "
        "py-spy. C code is attributed to its caller: the kernel's part of sockets to gevent, SQLite's own code to "
        f"its statements. Waiting is excluded.\n\n{table}\n"
    )
