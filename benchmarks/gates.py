"""The gates: what was promised, what came out, met or missed, in plain words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Lookup = Callable[[str, str], dict[str, Any]]
Judged = tuple[str, str, bool | None]
"""The gate, what came out, and whether it is met; None if it was not measured."""

_OWN, _RIVAL, _POSTGRESQL = "gevent", "litellm", "gevent-postgresql"
_RATIOS: Final = (
    ("CPU of a JSON call", "json-1", "cpu_ms_per_call", "ms", 10),
    ("CPU of a chunk, 100 paced streams", "paced-100", "cpu_us_per_chunk", "µs", 6),
    ("CPU of a chunk, 500 paced streams", "paced-500", "cpu_us_per_chunk", "µs", 8),
    ("CPU of a chunk, back to back", "burst-32", "cpu_us_per_chunk", "µs", 20),
    ("Peak memory, 32 connections", "json-32", "peak_rss_mb", "MB", 3),
)
_REASONS: Final = {
    "CPU of a JSON call": "The JSON call: of its time a quarter is threadless. The rest is Django's handler with the "
    "example host's seven middlewares, SQLite's two commits with six indexes, gunicorn and the sockets, which a call "
    "inside a platform cannot leave out.",
    "CPU of a chunk, 100": "100 paced streams: each chunk wakes the worker by itself, so that the system's part, which "
    "the floor has too, weighs most.",
    "Peak memory": "Memory: the pages that gunicorn's master and its worker share are counted for both.",
    "1,000 paced": "1,000 streams: load generator, upstream and server share two cores, and the worker's one is full; "
    "what the bare pass-through needs stands in the last table.",
    "200 KB": "The 200 KB request: three readers go over the body, each for what the others miss (duplicate keys and "
    "NaN, types, untouched bytes), and sockets carry it twice.",
}
_LARGE_MS: Final = 2.0
_WALL_SECONDS: Final = 13.0
_FIRST_MS: Final = 500.0
_GROWTH_PERCENT: Final = 5.0


def table(lookup: Lookup, soak: dict[str, Any]) -> str:
    """All gates, one a row."""
    judged = [_ratio(lookup, *gate) for gate in _RATIOS]
    judged += [_thousand(lookup), _large(lookup), _connections(lookup), _soak(soak)]
    words = {True: "met", False: "**missed**", None: "not measured"}
    rows = "\n".join(f"| {gate} | {result} | {words[is_met]} |" for gate, result, is_met in judged)
    return f"## Gates\n\n| gate | result | |\n| --- | --- | --- |\n{rows}\n{_why(judged)}"


def _why(judged: list[Judged]) -> str:
    """Why what is missed is missed; the profile and the tables further down have the figures."""
    missed = [gate for gate, _, is_met in judged if is_met is False]
    reasons = [reason for start, reason in _REASONS.items() if any(gate.startswith(start) for gate in missed)]
    return "\n" + "\n".join(f"- {reason}" for reason in reasons) + "\n" if reasons else ""


def _ratio(lookup: Lookup, what: str, scenario: str, cost: str, unit: str, part: int) -> Judged:
    gate = f"{what}: at most 1/{part} of LiteLLM's"
    own, rival = lookup(scenario, _OWN).get(cost), lookup(scenario, _RIVAL).get(cost)
    if not own or not rival:
        return gate, "–", None
    text = f"{own:g} {unit} against {rival:g} {unit}: 1/{rival / own:.1f}"
    by = "" if own * part <= rival else f"; {own * part / rival:.1f} times too much"
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
        f"500 streams at once shared {run['connections_held']} connections of a pool of 4, {run['all_errors']} errors"
    )
    return gate, text, run["connections_held"] <= 4 and not run["all_errors"]


def _soak(soak: dict[str, Any]) -> Judged:
    gate = "Memory after 20,000 calls within 5 % of its value at 5,000"
    if not soak:
        return gate, "–", None
    growth = soak["growth_percent"]
    return gate, f"{growth:+.1f} %", abs(growth) <= _GROWTH_PERCENT


def soak_text(soak: dict[str, Any]) -> str:
    """What a long run leaves behind."""
    if not soak:
        return ""
    rows = "\n".join(
        f"| {point['calls']:,} | {point['rss_mb']:.1f} | {point['threads']} | {point['sockets']} "
        f"| {point['connections']} |"
        for point in soak["points"]
    )
    return (
        "## The soak\n\n`python -m benchmarks.soak`: plain calls, streams, calls that the upstream fails and clients "
        f"that leave in the middle, {soak['date']}. Looked at after each part, with no call under way.\n\n"
        f"| calls | memory MB | threads | sockets | database connections |\n| --: | --: | --: | --: | --: |\n{rows}\n\n"
        f"Rows of the ledger: {soak['rows']}. Growth from 5,000 to 20,000 calls: {soak['growth_percent']:+.1f} %.\n"
    )


def instructions_text(counted: dict[str, Any]) -> str:
    """The guard's figures."""
    if not counted:
        return ""
    rows = "\n".join(
        f"| {version} | {kind} | {figures['instructions']:,} | {figures['spread_percent']:.2f} % "
        f"| {sum(figures['functions'].values())} | {figures['queries']} |"
        for version, kinds in counted.items()
        for kind, figures in kinds.items()
    )
    return (
        "## Instructions\n\n`python -m benchmarks.instructions` counts the machine instructions of one call within "
        "a process (callgrind, no server, upstream in another process), which do not depend on the machine's load, "
        "and says what grew against these.\n\n| versions | call | instructions | spread | Python functions | queries |"
        f"\n| --- | --- | --: | --: | --: | --: |\n{rows}\n"
    )


def profile_text(told: dict[str, dict[str, float]]) -> str:
    """By whose code the time goes, all scenarios side by side."""
    if not told:
        return ""
    first = next(iter(told.values()))
    owners = sorted({owner for shares in told.values() for owner in shares}, key=lambda owner: -first.get(owner, 0))
    rows = [["whose code was running", *told], ["---", *["--:"] * len(told)]]
    rows += [[owner, *(f"{shares.get(owner, 0):.1f} %" for shares in told.values())] for owner in owners]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        "## Where the rest goes\n\n`python -m benchmarks.profile` samples the gevent worker under load with py-spy. C "
        "code counts for whoever called it: the kernel's part of sockets for gevent, SQLite's own for its statements. "
        f"Waiting is left out.\n\n{table}\n"
    )
