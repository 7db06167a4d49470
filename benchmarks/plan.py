"""Which target runs which scenario, how often, and how long that takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from benchmarks import hosts, scenarios, targets
from benchmarks.hosts import HOSTS, Host
from benchmarks.scenarios import Scenario

_JSON: Final = frozenset({"json-1", "json-32"})
_WIDE: Final = frozenset({"paced-500"})
_THOUSAND: Final = frozenset({"paced-1000"})
_PACED: Final = frozenset({"paced-100"}) | _WIDE | _THOUSAND
_REPEATED: Final = _JSON | _PACED | {"large-1", "agent-1", "burst-32"}
_ONCE: Final = frozenset({"agent-stream-1", "burst-1", "slow-1000", "image-50"})
_WAITING: Final = frozenset({"slow-1000", "image-50"})
_NOTHING: Final = frozenset[str]()

Plan = Mapping[str, tuple[frozenset[str], frozenset[str]]]
PLAN: Final[Plan] = {
    hosts.FLOOR: (_REPEATED, _ONCE),
    hosts.PLAIN: (_JSON, _NOTHING),
    hosts.PLAIN_POSTGRESQL: (_JSON, _NOTHING),
    hosts.GEVENT: (_REPEATED, _ONCE),
    hosts.BUDGET: (_JSON, _NOTHING),
    hosts.POSTGRESQL: (_JSON, frozenset({"burst-32", "paced-100"}) | _WIDE),
    hosts.FLOOR_TWO: (_THOUSAND, _NOTHING),
    hosts.GEVENT_TWO: (_THOUSAND, _NOTHING),
    "gthread": (_JSON, frozenset({"burst-32", "paced-100"})),
    "uvicorn": (_JSON | _PACED, _WAITING | {"large-1", "burst-32"}),
    "granian": (_JSON | _PACED, _WAITING | {"large-1", "burst-32"}),
    "uvicorn-postgresql": (_JSON, _WIDE),
    "granian-postgresql": (_JSON, _WIDE),
    targets.PORTKEY: (_REPEATED, _ONCE),
    targets.NGINX: (_NOTHING, (_REPEATED | _ONCE) - {"slow-1000"}),
    targets.UPSTREAM: (_NOTHING, (_REPEATED - {"large-1", "agent-1"}) | {"burst-1"}),
    targets.LITELLM: (_NOTHING, (_REPEATED | _ONCE) - _WIDE - _WAITING),
}
"""Target → the scenarios of each round, and those of the first round alone: to save time, only what a ratio or a time
depends on is repeated."""
_FACTORS: Final = {targets.LITELLM: 0.15, targets.UPSTREAM: 2.0, targets.NGINX: 2.0, hosts.FLOOR: 2.0}
_START_SECONDS: Final = {targets.LITELLM: 20.0}
_START_SECONDS_OTHERWISE: Final = 2.0
_PREPARE_SECONDS: Final = 3.0
_TURN_SECONDS: Final = 2.0
"""Warm-up, start of the load generator, and waiting until the server is idle before and after."""
_MS_PER_CALL: Final = {"json-1": 1.5, "json-32": 1.5, "large-1": 4, "agent-1": 10, "agent-stream-1": 15}
_MS_PER_CALL_OTHERWISE: Final = 5.0

Turn = tuple[Scenario, str]


def with_pythons(others: Mapping[str, Host]) -> Plan:
    """The plan, with the hosts on other versions of Python."""
    return {**PLAN, **dict.fromkeys(others, (_JSON, _NOTHING))}


def turns(plan: Plan, wanted: list[Scenario], number: int) -> Iterator[Turn]:
    """The turns of a round, the first of which is 1. For each scenario the targets follow one another."""
    for scenario in wanted:
        for name, (always, once) in plan.items():
            if scenario.name in always or (number == 1 and scenario.name in once):
                yield scenario.scaled(_FACTORS.get(name, 1.0)), name


def estimate(plan: Plan, wanted: list[Scenario], rounds: int) -> float:
    """About how many seconds a run takes on a quiet machine, without installations."""
    seconds = _PREPARE_SECONDS * len(plan)
    for number in range(1, rounds + 1):
        planned = list(turns(plan, wanted, number))
        seconds += sum(map(_start_seconds, {name for _, name in planned}))
        seconds += sum(_turn_seconds(*turn) for turn in planned)
    return seconds


def _start_seconds(name: str) -> float:
    return _START_SECONDS.get(name, _START_SECONDS_OTHERWISE)


def _turn_seconds(scenario: Scenario, name: str) -> float:
    seconds = _TURN_SECONDS + scenario.seconds + (_start_seconds(name) if scenario.is_fresh else 0)
    if not scenario.wait_seconds:
        calls = scenario.calls / _FACTORS.get(name, 1.0)  # the factor makes them take about as long as the others
        seconds += calls * _MS_PER_CALL.get(scenario.name, _MS_PER_CALL_OTHERWISE) / 1000
    elif name == targets.LITELLM:
        seconds += scenario.timeout
    return seconds


def scenario_names() -> list[str]:
    """All scenarios."""
    return [scenario.name for scenario in scenarios.ALL]


def title(name: str, known: Mapping[str, Host] = HOSTS) -> str:
    """What a target is called on the page."""
    return known[name].title if name in known else targets.RIVALS[name]
