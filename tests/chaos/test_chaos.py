"""One seed of chaos for each database; `python -m benchmarks.chaos` runs twenty."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import budgets, run
from tests.chaos.upstream import usage_of
from tests.servers import postgres

MISCHIEF = {"completed", "failed", "cancelled"}
"""Without each of these a run has shown nothing."""


@pytest.mark.skipif(postgres.programs() is None, reason=postgres.MISSING)
def test_books_balance_after_chaos_on_postgresql(tmp_path: Path) -> None:
    with postgres.cluster() as cluster:
        books = run.on_postgresql(1, tmp_path, cluster)

    assert books.faults == []
    assert set(books.states) >= MISCHIEF


def test_books_balance_after_chaos_on_sqlite(tmp_path: Path) -> None:
    books = run.on_sqlite(1, tmp_path)

    assert books.faults == []
    assert set(books.states) >= MISCHIEF | {"interrupted"}  # the only worker was at work when it was killed


def row(name: str, state: str, **tokens: int) -> dict[str, object]:
    """What the ledger has of a call."""
    return {"request_id": name, "state": state, "prompt_tokens": None, "completion_tokens": None, **tokens}


GOOD = row(
    "a", "completed", prompt_tokens=usage_of("a")["prompt_tokens"], completion_tokens=usage_of("a")["completion_tokens"]
)


@pytest.mark.parametrize(
    ("seen", "rows", "fault"),
    [
        (["a"], [], "a: 0 rows"),
        (["a"], [GOOD, GOOD], "a: 2 rows"),
        (["a", "a"], [GOOD], "a: the upstream saw it 2 times"),
        (["a"], [row("a", "open")], "a: still open"),
        ([], [GOOD], "a: completed, though the upstream never saw it"),
        (["a"], [row("a", "completed", prompt_tokens=1, completion_tokens=1)], "a: completed with"),
    ],
)
def test_each_breach_of_the_promise_is_found(seen: list[str], rows: list[dict[str, object]], fault: str) -> None:
    found = list(run.faults(Counter(seen), rows))

    assert len(found) == 1
    assert found[0].startswith(fault)


def test_books_that_balance_have_no_fault() -> None:
    assert list(run.faults(Counter(["a"]), [GOOD, row("b", "interrupted")])) == []


def charged(state: str, held: int = 9) -> dict[str, object]:
    """A row of a call that two budgets cover, one of tokens and one of calls."""
    state_of_budgets = json.dumps({"1": ["tokens", held, False], "2": ["calls", 1, False]})
    return row("a", state, prompt_tokens=3, completion_tokens=4) | {
        "hook_state": json.dumps({"budgets": state_of_budgets})
    }


def counters(tokens: tuple[int, int], calls: tuple[int, int]) -> list[dict[str, object]]:
    """Both counters with these sums of spent and reserved."""
    return [
        {"id": number, "unit": unit, "spent": spent, "reserved": reserved}
        for number, unit, (spent, reserved) in ((1, "tokens", tokens), (2, "calls", calls))
    ]


def test_counters_that_agree_with_the_rows_have_no_fault() -> None:
    rows = [charged("completed"), charged("failed"), charged("open"), charged("interrupted")]
    assert list(budgets.faults(counters((14, 9), (2, 1)), rows)) == []


@pytest.mark.parametrize("wrong", [((15, 9), (2, 1)), ((14, 0), (2, 1)), ((14, 9), (3, 1)), ((14, 9), (2, 2))], ids=str)
def test_each_counter_that_disagrees_is_found(wrong: Any) -> None:
    rows = [charged("completed"), charged("failed"), charged("open")]
    [fault] = budgets.faults(counters(*wrong), rows)
    assert fault.startswith("counter of")


def test_calls_without_a_budget_are_a_fault() -> None:
    assert list(budgets.faults([], [row("a", "completed") | {"hook_state": None}])) != []
