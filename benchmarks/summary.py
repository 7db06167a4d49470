"""The ten lines at the top of the page, and the table in `docs/performance.md`. All numbers come from the run."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Final

from benchmarks import gates
from benchmarks.figures import Results, shown
from benchmarks.hosts import BUDGET, FLOOR, GEVENT, GEVENT_TWO, PLAIN, PLAIN_POSTGRESQL, POSTGRESQL
from benchmarks.processes import ROOT
from benchmarks.targets import LITELLM, PORTKEY

MANUAL: Final = ROOT / "docs" / "performance.md"
_MARKED: Final = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)
_ROWS: Final = (
    ("CPU of a JSON call", "call", "json-1", GEVENT),
    ("the same, 32 connections", "call", "json-32", GEVENT),
    ("the same, with one budget", "call", "json-1", BUDGET),
    ("the same, PostgreSQL", "call", "json-1", POSTGRESQL),
    ("the same, uvicorn", "call", "json-1", "uvicorn"),
    ("CPU of a request of 200 KB", "call", "large-1", GEVENT),
    ("CPU of a chunk, back to back", "chunk", "burst-32", GEVENT),
    ("CPU of a chunk, 100 paced streams", "chunk", "paced-100", GEVENT),
    ("CPU of a chunk, 1,000 paced streams", "chunk", "paced-1000", GEVENT),
    ("1,000 streams opened within 2 s: done", "wall", "paced-1000", GEVENT),
    ("peak memory, 1,000 streams", "memory", "paced-1000", GEVENT),
)


def lines(results: Results, soak: dict[str, Any]) -> str:
    """Ten lines: the run, calls, streams, memory, goals."""
    told = (
        _run(results),
        f"JSON call with key, limits and row: {_both(results, GEVENT)}; {_beside(results)}.",
        f"With one budget: {_both(results, BUDGET)}. A plain Django view with key and row: {_both(results, PLAIN)}.",
        f"PostgreSQL with a pool of 4: {_both(results, POSTGRESQL)}; the view {_both(results, PLAIN_POSTGRESQL)}.",
        f"uvicorn: {_both(results, 'uvicorn')}; granian: {_both(results, 'granian')}.",
        f"Large: 200 KB {_of(results, 'call', 'large-1')}; an agent's 600 KB {_of(results, 'call', 'agent-1')}.",
        f"Chunk at 100, 500, 1,000 streams: {_paced(results)}; back to back {_of(results, 'chunk', 'burst-32')}.",
        f"1,000 streams opened within 2 s: {_thousand(results)}.",
        f"Memory: {_memory(results)}.",
        _goals(results, soak),
    )
    return "\n".join(f"- {line}" for line in told) + "\n"


def _run(results: Results) -> str:
    measured = results.measured
    facts, planned = measured["machine"], measured["planned_rounds"]
    rounds = f"{measured['rounds']} of {planned} planned rounds"
    limit = f"; **a trial with at most {measured['limit']} calls each**" if measured["limit"] else ""
    return (
        f"Measured on {facts['date']} in one run of {rounds}{limit}, Python {facts['python']}, Django "
        f"{facts['versions']['django']}, {facts['cores']} cores, one worker each. Medians; × means relative to the "
        "bare pass-through."
    )


def _of(results: Results, figure: str, scenario: str, target: str = GEVENT) -> str:
    """A figure, and its ratio to the pass-through."""
    value, floor = (results.figure(figure, scenario, name) for name in (target, FLOOR))
    ratio = f" ({value / floor:.2f} ×)" if value is not None and floor else ""
    return shown(figure, value) + ratio


def _both(results: Results, target: str) -> str:
    return f"{_of(results, 'call', 'json-1', target)} at 1, {_of(results, 'call', 'json-32', target)} at 32 connections"


def _beside(results: Results) -> str:
    named = ((PORTKEY, "Portkey"), (LITELLM, "LiteLLM"))
    return ", ".join(
        f"{name} {' and '.join(shown('call', results.figure('call', each, target)) for each in ('json-1', 'json-32'))}"
        for target, name in named
    )


def _paced(results: Results) -> str:
    found = (_of(results, "chunk", f"paced-{number}") for number in (100, 500, 1000))
    rival = (shown("chunk", results.figure("chunk", f"paced-{number}", PORTKEY)) for number in (100, 500, 1000))
    return f"{', '.join(found)}; Portkey {', '.join(rival)}"


def _thousand(results: Results) -> str:
    def told(target: str) -> str:
        figures = ("errors", "wall", "first")
        errors, wall, first = (shown(name, results.figure(name, "paced-1000", target)) for name in figures)
        return f"{errors}, done after {wall}, first byte p99 {first}"

    return f"{told(GEVENT)}; two workers {told(GEVENT_TWO)}; Portkey {told(PORTKEY)}"


def _memory(results: Results) -> str:
    def told(name: str, scenario: str, target: str = GEVENT) -> str:
        return shown(name, results.figure(name, scenario, target))

    images = f"{told('copies', 'image-50')} of an image (pass-through {told('copies', 'image-50', FLOOR)})"
    return f"{told('rest', 'paced-1000')} at rest, {told('stream', 'paced-1000')} per stream, {images}"


def _goals(results: Results, soak: dict[str, Any]) -> str:
    found = Counter(verdict.is_met for verdict in gates.verdicts(results, soak))
    rivals = Counter(gate.verdict(results).is_met for gate in gates.AGAINST_PORTKEY)
    return (
        f"Of {found.total()} goals {found[True]} are met, {found[False]} missed, {found[None]} not measured; of "
        f"{rivals.total()} comparisons with Portkey {rivals[True]} are below it, {rivals[False]} above, {rivals[None]} "
        "not measured."
    )


def table(results: Results) -> str:
    """The table in the manual: what was measured of threadless."""
    names = (FLOOR, PORTKEY, LITELLM)
    rows = [
        [what, *(shown(figure, results.figure(figure, scenario, name)) for name in (own, *names))]
        for what, figure, scenario, own in _ROWS
        if results.figure(figure, scenario, own) is not None
    ]
    head = "| | threadless | pass-through | Portkey | LiteLLM |\n|---|--:|--:|--:|--:|\n"
    return head + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def in_manual(text: str, results: Results, soak: dict[str, Any]) -> str:
    """The page of the manual with the figures of this run. Raises `ValueError` if it has no place for them."""
    note = f"{results.measured['note']} " if results.measured["note"] else ""
    figures = f"{note}{_run(results)}\n\n{table(results)}\n\n{_goals(results, soak)}\n"
    changed, number = _MARKED.subn(lambda _: figures, text)
    if number != 1:
        raise ValueError("The page has no single place for figures.")
    return changed
