"""One seed of chaos for each database; `python -m benchmarks.chaos` runs twenty."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.chaos import run
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
