"""The page says what a run measured: its goals are computed, and what is missing has a name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks import appendix, gates, hosts, plan, report, scenarios, summary, targets
from benchmarks.__main__ import RESULTS
from benchmarks.figures import Results
from benchmarks.gates import GATES, Gate
from benchmarks.machine import passthrough_hash

GATE = Gate(goal="a call", scenario="json-1", figure="call", limit=2.0, base=hosts.FLOOR)


def run(target: str, cost: float, *, number: int = 1, errors: int = 0) -> dict[str, Any]:
    """A round of `json-1` with these figures."""
    figures = {"cpu_ms_per_call": cost, "wall_seconds": 1.0, "calls_per_second": 10.0, "peak_rss_mb": 50, "threads": 2}
    told = {"calls": 10, "errors": {"cut off": errors} if errors else {}, "ledger": {"states": {}, "rows": 0}}
    told |= {"scenario": "json-1", "target": target, "round": number, "latency_ms": {}, "first_ms": {}}
    return figures | told


def measured(*runs: dict[str, Any]) -> dict[str, Any]:
    """A run of three planned rounds, one of which has ended."""
    facts = {"date": "2026-01-01", "cores": 2, "memory_gb": 4, "processor": "x", "system": "Linux", "python": "3.13"}
    facts |= {"versions": {"django": "6.1"}, "commit": "", "passthrough": "", "load_average_at_start": 0.1}
    told = {"machine": facts, "planned_rounds": 3, "rounds": 1, "limit": None, "note": "", "left_out": []}
    titles = {name: plan.title(name) for name in plan.PLAN}
    return told | {"targets": titles, "not_measured": {targets.PORTKEY: "Node.js is not installed"}, "runs": list(runs)}


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (run(hosts.GEVENT, 1.9), "1.90 × 1.00 ms: met"),
        (run(hosts.GEVENT, 2.5), "2.50 × 1.00 ms: **missed** by 25 %"),
        (run(hosts.GEVENT, 1.9, errors=3), "1.90 × 1.00 ms: **missed**, with 3 errors"),
    ],
)
def test_goal_says_by_how_much_it_is_missed(own: dict[str, Any], words: str) -> None:
    assert GATE.verdict(Results(measured(own, run(hosts.FLOOR, 1.0)))).words == words


def test_goal_without_a_pass_through_of_the_same_run_is_not_measured() -> None:
    assert GATE.verdict(Results(measured(run(hosts.GEVENT, 1.0)))).is_met is None


def test_figure_is_the_median_of_the_rounds() -> None:
    rounds = [run(hosts.GEVENT, cost, number=number) for number, cost in enumerate((9.0, 1.0, 2.0), 1)]
    assert Results(measured(*rounds)).figure("call", "json-1", hosts.GEVENT) == 2.0


def test_page_of_an_aborted_run_says_how_many_rounds_it_has() -> None:
    page = report.page(Results(measured(run(hosts.GEVENT, 1.0))), {}, has_picture=False)
    assert "one run of 1 of 3 planned rounds" in page


def test_row_of_another_python_is_compared_with_its_own_pass_through() -> None:
    floors = [run(hosts.FLOOR, 1.0), run(f"{hosts.FLOOR}-3.14-6.1", 2.0)]
    told = measured(*floors, run(f"{hosts.GEVENT}-3.14-6.1", 3.0), run("uvicorn", 4.0))
    told["targets"] |= {run["target"]: run["target"] for run in told["runs"]}
    page = report.page(Results(told), {}, has_picture=False)
    assert f"| {hosts.GEVENT}-3.14-6.1 | 3.00 | 1.50 × |" in page
    assert "| uvicorn | 4.00 | 4.00 × |" in page


def test_page_names_the_target_that_is_not_installed() -> None:
    page = report.page(Results(measured(run(hosts.GEVENT, 1.0))), {}, has_picture=False)
    assert "- Portkey's gateway (no keys, limits or rows): Node.js is not installed" in page


def test_summary_has_ten_lines() -> None:
    assert len(summary.lines(Results(measured(run(hosts.GEVENT, 1.0))), {}).splitlines()) == 10


@pytest.mark.parametrize("gate", [*GATES, *gates.AGAINST_PORTKEY], ids=lambda gate: gate.goal)
def test_a_full_run_measures_all_that_a_goal_compares(gate: Gate) -> None:
    planned = {(scenario.name, name) for scenario, name in plan.turns(plan.PLAN, list(scenarios.ALL), 1)}
    compared = {gate.own, gate.floor, targets.PORTKEY, gate.base or gate.own}
    assert {(gate.scenario, name) for name in compared} <= planned


def test_ratio_of_cpu_compares_what_each_round_measures() -> None:
    planned = {(scenario.name, name) for scenario, name in plan.turns(plan.PLAN, list(scenarios.ALL), 2)}
    ratios = [gate for gate in GATES if gate.base and gate.figure in ("call", "chunk", "first")]
    assert [
        gate.goal for gate in ratios if not {(gate.scenario, gate.own), (gate.scenario, gate.base)} <= planned
    ] == []


def test_page_and_manual_are_those_of_the_stored_results() -> None:
    results, soak = Results(json.loads((RESULTS / "full.json").read_text())), appendix.stored("soak.json")
    manual = summary.MANUAL.read_text()
    assert (RESULTS / report.PAGE_NAME).read_text() == report.page(results, soak, has_picture=True)
    assert summary.in_manual(manual, results, soak) == manual, "Run `python -m benchmarks --report`."


def test_code_of_the_pass_through_is_frozen() -> None:
    # Ratios of different runs can be compared only if this stays. If you change it, measure everything again.
    assert passthrough_hash() == "fd8521f6d9f7eb5e"
