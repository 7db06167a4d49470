"""The parts of the page that other commands measure: the long run, machine instructions, CPU time by component."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from benchmarks.processes import ROOT

_RESULTS: Final = ROOT / "benchmarks" / "results"


def stored(name: str) -> dict[str, Any]:
    """What a command stored in this file of `benchmarks/results`; empty if it did not run."""
    path = _RESULTS / name
    told: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return told


_PROFILED: Final = {"json": "json-1", "large": "large-1", "agent": "large-1", "burst": "burst-32", "paced": "paced-100"}
"""Start of a scenario's name → the scenario that `benchmarks.profile` samples for it."""
_OWNERS: Final = 4


def owners(scenarios: Iterable[str], sampled: dict[str, dict[str, float]]) -> list[str]:
    """Whose code the CPU time of these scenarios is, in a sentence for each scenario that was sampled."""
    wanted = {_PROFILED.get(name.partition("-")[0], "") for name in scenarios}
    return [f"{name}: {_shares(shares)}." for name, shares in sampled.items() if name in wanted]


def _shares(sampled: dict[str, float]) -> str:
    shares: dict[str, float] = {}
    for owner, share in sampled.items():
        name = "threadless" if owner.startswith("threadless/") else owner.partition(":")[0]
        shares[name] = shares.get(name, 0.0) + share
    most = sorted(shares.items(), key=lambda each: -each[1])[:_OWNERS]
    return ", ".join(f"{owner} {share:.0f} %" for owner, share in most)


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
    owners = sorted(
        {owner for shares in told.values() for owner in shares}, key=lambda owner: (-first.get(owner, 0), owner)
    )
    rows = [["component", *told], ["---", *["--:"] * len(told)]]
    rows += [[owner, *(f"{shares.get(owner, 0):.1f} %" for shares in told.values())] for owner in owners]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        "## CPU time by component\n\n`python -m benchmarks.profile` samples the gevent worker under load with "
        "py-spy. C code is attributed to its caller: the kernel's part of sockets to gevent, SQLite's own code to "
        f"its statements. Waiting is excluded.\n\n{table}\n"
    )
