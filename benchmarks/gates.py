"""The goals, and what a run says about each: met, missed and by how much, or not measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.figures import Results, shown
from benchmarks.hosts import BUDGET, FLOOR, FLOOR_TWO, GEVENT, GEVENT_TWO, POSTGRESQL
from benchmarks.targets import LITELLM, PORTKEY

_POOL: Final = 4
"""Connections that the pool of `benchmarks/settings.py` allows."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A figure of a scenario must be at most `limit`, times that of `base` if there is one, plus `slack`."""

    goal: str
    scenario: str
    figure: str
    limit: float
    own: str = GEVENT
    base: str = ""
    floor: str = FLOOR
    slack: float = 0.0

    def verdict(self, results: Results) -> Verdict:
        """What the run says. A figure with errors does not meet its goal, because a failed call costs less."""
        own = results.figure(self.figure, self.scenario, self.own)
        base = results.figure(self.figure, self.scenario, self.base) if self.base else 1.0
        if own is None or base is None:
            return Verdict(self, "not measured", None)
        allowed = self.limit * base + self.slack
        ratio = f"{own / base:.2f} × {shown(self.figure, base)}: " if self.base and base else ""
        errors = results.errors(self.scenario, self.own)
        if own > allowed:
            by = f"{100 * (own / allowed - 1):.0f} %" if allowed else shown(self.figure, own)
            return Verdict(self, f"{ratio}**missed** by {by}{_with(errors)}", False)
        if errors:
            return Verdict(self, f"{ratio}**missed**{_with(errors)}", False)
        others = results.errors(self.scenario, self.base) if self.base else 0
        return Verdict(self, f"{ratio}met" + (f" (the other: {others} errors)" if others else ""), True)


def _with(errors: int) -> str:
    return f", with {errors} errors" if errors else ""


@dataclass(frozen=True)
class Verdict:
    """The result of a goal in words, and whether it is met; None if it was not measured."""

    gate: Gate
    words: str
    is_met: bool | None


_SOAK: Final = Gate(
    goal="memory after 20,000 calls: within 5 % of its value at 5,000", scenario="soak", figure="growth", limit=5.0
)
_CALLS: Final = (("json-1", "JSON call, 1 connection"), ("json-32", "JSON call, 32 connections"))
_ASGI: Final = ("uvicorn", "granian")


def _calls() -> Iterator[Gate]:
    for scenario, what in _CALLS:
        yield Gate(goal=f"{what}: 2.0 × the pass-through", scenario=scenario, figure="call", limit=2.0, base=FLOOR)
    for scenario, what in _CALLS:
        goal = f"{what}, PostgreSQL: 2.8 × the pass-through"
        yield Gate(goal=goal, scenario=scenario, figure="call", limit=2.8, base=FLOOR, own=POSTGRESQL)


def _streams() -> Iterator[Gate]:
    for number, limit in ((100, 1.4), (500, 1.3), (1000, 1.15)):
        goal = f"chunk, {number:,} paced streams: {limit:g} × the pass-through"
        yield Gate(goal=goal, scenario=f"paced-{number}", figure="chunk", limit=limit, base=FLOOR)
    opened: dict[str, Any] = {"scenario": "paced-1000"}
    one = "1,000 streams opened within 2 s, one worker"
    yield Gate(goal=f"{one}: no error", figure="errors", limit=0, **opened)
    yield Gate(goal=f"{one}: done within 13 s", figure="wall", limit=13.0, **opened)
    yield Gate(
        goal=f"{one}: first byte p99 below 3 × the pass-through", figure="first", limit=3.0, base=FLOOR, **opened
    )
    two: dict[str, Any] = {"own": GEVENT_TWO, "floor": FLOOR_TWO, **opened}
    yield Gate(goal="the same, two workers: first byte p99 below 0.5 s", figure="first", limit=0.5, **two)


def _asgi(server: str) -> Iterator[Gate]:
    for database, own, base in (("", server, GEVENT), (", PostgreSQL", f"{server}-postgresql", POSTGRESQL)):
        for scenario, what in _CALLS:
            goal = f"{server}, {what}{database}: 1.2 × gevent"
            yield Gate(goal=goal, scenario=scenario, figure="call", limit=1.2, own=own, base=base)
    for number in (100, 500):
        goal = f"{server}, chunk, {number} paced streams: 1.5 × gevent"
        yield Gate(goal=goal, scenario=f"paced-{number}", figure="chunk", limit=1.5, own=server, base=GEVENT)
    goal = f"{server}, 500 paced streams: first byte p99 below 1 s"
    yield Gate(goal=goal, scenario="paced-500", figure="first", limit=1.0, own=server)
    for scenario, what in (("paced-1000", "1,000 streams"), ("slow-1000", "1,000 calls that wait for 10 s")):
        yield Gate(goal=f"{server}, {what}: no error", scenario=scenario, figure="errors", limit=0, own=server)
    goal = f"{server}, 500 paced streams: connections to PostgreSQL at most the pool's {_POOL}"
    own = f"{server}-postgresql"
    yield Gate(goal=goal, scenario="paced-500", figure="connections", limit=_POOL, own=own)


def _sizes() -> Iterator[Gate]:
    yield Gate(goal="200 KB: 1.6 × the pass-through", scenario="large-1", figure="call", limit=1.6, base=FLOOR)
    goal = "agent loop of 600 KB: 2.0 × the pass-through"
    yield Gate(goal=goal, scenario="agent-1", figure="call", limit=2.0, base=FLOOR)
    goal = "image of 4 MB, 50 at once: as many copies as the pass-through (within a half)"
    yield Gate(goal=goal, scenario="image-50", figure="copies", limit=1.0, base=FLOOR, slack=0.5)
    yield Gate(goal="a stream at 1,000: 100 KB", scenario="paced-1000", figure="stream", limit=100)
    yield Gate(goal="a worker at rest: 75 MB", scenario="paced-1000", figure="rest", limit=75)
    goal = f"connections to PostgreSQL at 500 streams: at most the pool's {_POOL}"
    yield Gate(goal=goal, scenario="paced-500", figure="connections", limit=_POOL, own=POSTGRESQL)


GATES: Final = (*_calls(), *_streams(), *(gate for server in _ASGI for gate in _asgi(server)), *_sizes())


def _rival(goal: str, scenario: str, figure: str, own: str = GEVENT) -> Gate:
    return Gate(goal=goal, scenario=scenario, figure=figure, limit=1.0, own=own, base=PORTKEY)


AGAINST_PORTKEY: Final = (
    _rival("JSON call with one budget, 1 connection", "json-1", "call", BUDGET),
    _rival("JSON call with one budget, 32 connections", "json-32", "call", BUDGET),
    _rival("200 KB", "large-1", "call"),
    _rival("agent loop of 600 KB", "agent-1", "call"),
    _rival("agent loop, streamed", "agent-stream-1", "call"),
    _rival("chunk, back to back, 1 stream", "burst-1", "chunk"),
    _rival("chunk, back to back, 32 streams", "burst-32", "chunk"),
    *(_rival(f"chunk, {number:,} paced streams", f"paced-{number}", "chunk") for number in (100, 500, 1000)),
    _rival("1,000 streams opened within 2 s: done", "paced-1000", "wall"),
    _rival("1,000 streams opened within 2 s: first byte p99", "paced-1000", "first"),
    _rival("1,000 calls that wait for 10 s", "slow-1000", "call"),
    _rival("peak memory, JSON, 32 connections", "json-32", "memory"),
    _rival("peak memory, 1,000 streams", "paced-1000", "memory"),
    _rival("peak memory, image of 4 MB, 50 at once", "image-50", "memory"),
)
"""With key, limits and row; Portkey's gateway has none of them."""


def verdicts(results: Results, soak: dict[str, Any]) -> list[Verdict]:
    """All goals, without the comparison with Portkey."""
    return [*(gate.verdict(results) for gate in GATES), _soak(soak)]


def table(results: Results, soak: dict[str, Any]) -> str:
    """All goals, one per row, with the figures of the pass-through and of Portkey."""
    lines = []
    for verdict in verdicts(results, soak):
        gate = verdict.gate
        figures = [_shown(results, gate, name) for name in (gate.own, gate.floor, PORTKEY)]
        lines.append(f"| {gate.goal} | {' | '.join(figures)} | {verdict.words} |")
    head = "| at most | threadless | pass-through | Portkey | result |\n| --- | --: | --: | --: | --- |\n"
    return "## Goals\n\n" + head + "\n".join(lines) + "\n"


def rivals(results: Results) -> str:
    """The comparison with Portkey, row by row, with the figures of LiteLLM."""
    lines = []
    for gate in AGAINST_PORTKEY:
        figures = [_shown(results, gate, name) for name in (gate.own, PORTKEY, LITELLM)]
        lines.append(f"| {gate.goal} | {' | '.join(figures)} | {gate.verdict(results).words} |")
    head = "| CPU, time or memory | threadless | Portkey | LiteLLM | below Portkey |\n| --- | --: | --: | --: | --- |\n"
    return "## Compared with Portkey and LiteLLM\n\n" + head + "\n".join(lines) + "\n"


def _shown(results: Results, gate: Gate, target: str) -> str:
    return shown(gate.figure, results.figure(gate.figure, gate.scenario, target))


def _soak(soak: dict[str, Any]) -> Verdict:
    if not soak:
        return Verdict(_SOAK, "not measured", None)
    growth = soak["growth_percent"]
    is_met = abs(growth) <= _SOAK.limit
    return Verdict(_SOAK, f"{growth:+.1f} %: {'met' if is_met else '**missed**'}", is_met)
