"""Writes `performance.md`: summary, goals, tables, machine, and what was not measured."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any, Final

from benchmarks import appendix, gates, hosts, plot, scenarios, summary, targets
from benchmarks.figures import Results, Run
from benchmarks.processes import ROOT

PAGE_NAME: Final = "performance.md"
_PICTURE: Final = ROOT / "docs" / "images" / "performance.svg"


def line(run: dict[str, Any]) -> str:
    """One run on one line, for progress output."""
    cost = f"{run['cpu_us_per_chunk']} µs/chunk" if "cpu_us_per_chunk" in run else f"{run['cpu_ms_per_call']} ms/call"
    return f"{run['scenario']:14} {run['target']:18} {cost:>18}  {run['wall_seconds']:6.1f} s  {run['errors'] or ''}"


def write(folder: Path, measured: dict[str, Any], *, is_published: bool) -> None:
    """Write the page; if it is published, also the chart and the figures in the manual."""
    results, soak = Results(measured), appendix.stored("soak.json")
    if is_published:
        _PICTURE.write_text(plot.picture(results))
        summary.MANUAL.write_text(summary.in_manual(summary.MANUAL.read_text(), results, soak))
    (folder / PAGE_NAME).write_text(page(results, soak, has_picture=is_published))


def page(results: Results, soak: dict[str, Any], *, has_picture: bool) -> str:
    """The whole page."""
    sampled = appendix.stored("profile.json")
    note = f"**{results.measured['note']}**" if results.measured["note"] else ""
    parts = [_HEAD, note, summary.lines(results, soak), _PICTURED if has_picture else "", gates.table(results, soak)]
    parts += [_whose(results, sampled), gates.rivals(results), _METHOD, _machine(results), "## Figures\n"]
    parts += [_table(results, scenario) for scenario in scenarios.ALL]
    parts += [appendix.profile_text(sampled), _ledger(results), appendix.soak_text(soak)]
    parts += [appendix.instructions_text(appendix.stored("instructions.json")), _LIMITS, _missing(results)]
    return "\n".join(part.rstrip() + "\n" for part in parts if part)


def _whose(results: Results, sampled: dict[str, dict[str, float]]) -> str:
    """Whose code the time of the goals is that are missed."""
    missed = [gate.scenario for gate in gates.GATES if gate.verdict(results).is_met is False]
    told = "\n".join(f"- {text}" for text in appendix.owners(missed, sampled))
    return f"Whose code the CPU time of missed goals is, in the gevent worker:\n\n{told}\n" if told else ""


def _table(results: Results, scenario: scenarios.Scenario) -> str:
    found = {name: run for name in results.titles if (run := results.run(scenario.name, name))}
    if not found:
        return ""
    is_chunked = scenario.name.startswith(("burst", "paced"))
    cost = "cpu_us_per_chunk" if is_chunked else "cpu_ms_per_call"
    head = ["", "CPU µs per chunk" if is_chunked else "CPU ms per call", "relative to the pass-through", "to Portkey"]
    head += ["first byte p50 / p99 ms", "whole answer p50 / p99 ms", "done after s"]
    head += ["on time" if scenario.name.startswith("paced") else "calls/s", "errors", "at rest, peak MB", "threads"]
    head += ["database connections", "rounds"]
    rows = [head, ["---", *["--:"] * (len(head) - 1)]]
    costs = {name: run.median(cost) for name, run in found.items()}
    for name, run in found.items():
        floor = costs.get(_floor_of(name), costs.get(hosts.FLOOR))
        rows.append([results.titles[name], *_row(run, costs[name], floor, costs.get(targets.PORTKEY))])
    return f"### {scenario.title}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _floor_of(name: str) -> str:
    """The pass-through with as many workers and on the same Python, if it was measured at all."""
    return name.replace(hosts.GEVENT, hosts.FLOOR, 1) if name.startswith(f"{hosts.GEVENT}-") else hosts.FLOOR


def _row(run: Run, cost: float | None, floor: float | None, rival: float | None) -> list[str]:
    on_time = run.median("on_time")
    rate = f"{run.median('calls_per_second'):.0f}" if on_time is None else f"{on_time:.0f} of {run.calls}"
    return [
        "–" if cost is None else f"{cost:.2f}" if cost < 10 else f"{cost:.1f}",
        _ratio(cost, floor),
        _ratio(cost, rival),
        _pair(run, "first_ms"),
        _pair(run, "latency_ms"),
        f"{run.median('wall_seconds'):.1f}",
        rate,
        str(run.errors),
        " → ".join("–" if (mb := run.median(each)) is None else f"{mb:.0f}" for each in ("rest_mb", "peak_rss_mb")),
        f"{run.median('threads'):.0f}",
        f"{run.median('connections_held'):.0f}" if run.has_ledger else "–",
        str(run.number),
    ]


def _ratio(value: float | None, other: float | None) -> str:
    if not value or not other:
        return "–"
    return f"1/{other / value:.1f}" if value * 2 < other else f"{value / other:.2f} ×"


def _pair(run: Run, name: str) -> str:
    half, most = run.median(name, "p50"), run.median(name, "p99")
    return "–" if half is None or most is None else f"{half:.1f} / {most:.1f}"


def _machine(results: Results) -> str:
    facts = results.measured["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (
        f"{facts['date']}, {facts['cores']} cores ({facts['processor']}), {facts['memory_gb']} GB, {facts['system']}, "
        f"Python {facts['python']}; {versions}. Commit {facts['commit'] or '–'}; code of the pass-through "
        f"{facts['passthrough'] or '–'} (SHA-256). Load average at the start: {facts['load_average_at_start']}."
        f"{_foreign(results)}\n"
    )


def _foreign(results: Results) -> str:
    """How much CPU was used by others; without PostgreSQL's rows, where its server is one of them."""
    runs = results.measured["runs"]
    shares = [
        run["foreign_cpu_percent"] for run in runs if "foreign_cpu_percent" in run and "postg" not in run["target"]
    ]
    if not shares:
        return ""
    return (
        " While a server was measured, all processes that are no part of its measurement used "
        f"{statistics.median(shares):.1f} % of the machine's CPU (median; at most {max(shares):.1f} %)."
    )


def _ledger(results: Results) -> str:
    """Compare the number of calls with the ledger."""
    own = [run for run in results.measured["runs"] if run["target"] != targets.LITELLM and run["ledger"]["states"]]
    calls, rows = sum(run["calls"] for run in own), sum(run["ledger"]["rows"] for run in own)
    off = sum(run["ledger"].get("ids_not_exactly_once", 0) for run in own)
    open_rows = sum(run["ledger"]["states"].get("open", 0) for run in own)
    return (
        f"## The ledger\n\n{calls:,} calls to the example host; {rows:,} rows afterwards, {open_rows} of them open. "
        f"Request ids that the upstream saw without exactly one row: {off}.\n"
    )


def _missing(results: Results) -> str:
    told = {**dict.fromkeys(results.measured.get("left_out", []), "left out of this run")}
    told |= results.measured["not_measured"]
    titles = {**targets.RIVALS, **{name: host.title for name, host in hosts.HOSTS.items()}, **results.titles}
    lines = [f"- {titles[name]}: {reason}" for name, reason in told.items()]
    if not any("Python" in title for title in results.titles.values()):
        lines.append("- another version of Python: `--python` was not given")
    return "Not measured in this run:\n\n" + "\n".join(lines) + "\n" if lines else ""


_HEAD: Final = """# Benchmark results

Written by `python -m benchmarks`. Do not edit.
"""

_PICTURED: Final = """![CPU per call and per chunk](../../docs/images/performance.svg)
"""

_METHOD: Final = """## How it was measured

Each call to threadless does all its work: it looks up the key, checks scope and model, counts the rate, token and
concurrency limits (set so high that they refuse nothing), validates the request, commits a row before the upstream is
called and settles it afterwards, watches the client, and schedules pings. uvicorn and granian run
`threadless.asgi`. LiteLLM looks up a hashed key and writes one row per call, both in SQLite, through its own hooks; its
virtual keys, limits, debug logs, telemetry and spend tracking are off (`benchmarks/litellm_config.yaml`,
`benchmarks/litellm_hooks.py`). Portkey's gateway and nginx have no keys, limits or rows. The pass-through is the same
gunicorn and gevent with a WSGI application that only passes bytes on (`benchmarks/passthrough.py`). The plain Django
view shows what the platform itself costs: it reads a key, writes a row and settles it, behind the same middleware and
with the same statements, and has no scopes, limits, validation or watch over the client (`benchmarks/plain.py`).

CPU is the user and system time of all processes of the server, including work after the answer, without that of a
database server. It depends much less on other load than latency does. The upstream answers at once, sends one chunk
every 50 ms, or answers after the time that is given above a table. All servers are restarted in each round, and all but
the measured one are paused. Before 1,000 streams and before images the server is restarted and answers 64 small calls:
its memory then is its memory at rest. Memory of a stream or an image is the growth from there to the peak.
"""

_LIMITS: Final = """## What was not measured

- More than one machine, TLS, HTTP/2, a client that reads slowly.
- A real model. It adds waiting time, which costs a server almost nothing.
- LiteLLM with its virtual keys and spend tracking, which need PostgreSQL and a binary that the package index does not
  have. They would add to its cost. It runs as `pip install "litellm[proxy]"` installs it.
- Portkey's hosted product, which has keys and limits.

The load generator and the mock upstream share the cores with the server. Each table shows their own limit.
"""
