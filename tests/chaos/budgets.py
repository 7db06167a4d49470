"""Budgets during chaos: all calls are charged, and afterwards the counters must agree with the ledger.

The invariants: `spent` is the sum of what the settled rows used, and `reserved` the sum of what the open ones hold.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from tests.support.ledger import Ledger, Row
from tests.support.serving import Host

_LIMITS = {"tokens": ("total", 10**12), "calls": ("day", 10**9), "concurrent": ("total", 10**6)}
"""High enough that no call is refused. Unit → period and limit."""
SETTINGS: dict[str, Any] = {"BUDGET_STEP_TOKENS": 1}
"""The answers are short. With this step, streams extend their reservations."""
LONG_STEP: dict[str, Any] = {"BUDGET_STEP_TOKENS": 100_000}
"""For an upstream whose chunks have 30,000 letters. With the usual step, each chunk would extend the reservation."""
COUNTERS = (
    "SELECT counter.id, counter.spent, counter.reserved, budget.unit FROM threadless_budgets_counter counter "
    "JOIN threadless_budgets_budget budget ON budget.id = counter.budget_id"
)


def set_budgets(host: Host) -> None:
    """A budget of each unit for the platform, and one for the user."""
    for unit, (period, limit) in _LIMITS.items():
        _set(host, "--platform", unit=unit, period=period, limit=limit)
    _set(host, "--user", "alice", unit="tokens", period="month", limit=10**12)


def _set(host: Host, *subject: str, unit: str, period: str, limit: int) -> None:
    host.manage("threadless_budget", "set", *subject, "--unit", unit, "--period", period, "--limit", str(limit))


def faults_of(ledger: Ledger) -> list[str]:
    """Each counter that disagrees with the rows."""
    return list(faults(ledger.read(COUNTERS), ledger.rows()))


def faults(counters: Iterable[Row], rows: Iterable[Row]) -> Iterator[str]:
    """The same for counters and rows that have been read."""
    spent, reserved = _sums(rows)
    found = {counter["id"]: counter for counter in counters}
    for number, counter in found.items():
        for name, value in {"spent": spent[number], "reserved": reserved[number]}.items():
            if counter[name] != value:
                yield f"counter of {counter['unit']}: {name} is {counter[name]}, the rows say {value}"
    yield from (f"counter {number} does not exist" for number in (spent | reserved) if number not in found)
    if not found:
        yield "no counter: the calls had no budget"


def _sums(rows: Iterable[Row]) -> tuple[Counter[int], Counter[int]]:
    """What the rows have spent and what they hold, by counter."""
    spent: Counter[int] = Counter()
    reserved: Counter[int] = Counter()
    for row in rows:
        for counter, (unit, amount, _) in _held(row).items():
            if row["state"] == "open":
                reserved[int(counter)] += amount
            elif row["state"] != "interrupted":
                spent[int(counter)] += _used(unit, row)
    return spent, reserved


def _held(row: Row) -> dict[str, Any]:
    states = json.loads(row["hook_state"] or "{}")
    held: dict[str, Any] = json.loads(states.get("budgets", "{}"))
    return held


def _used(unit: str, row: Row) -> int:
    if unit == "tokens":
        return (row["prompt_tokens"] or 0) + (row["completion_tokens"] or 0)
    return 1 if unit == "calls" else 0
