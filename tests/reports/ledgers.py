"""Usage records for the tests of reports."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from tests.support.factories import make_record
from threadless.reports.queries import Group
from threadless.reports.sums import Sums
from threadless.usage.models import UsageRecord


def at(text: str, **fields: Any) -> UsageRecord:
    """A completed record that was opened at this time, such as `2026-03-28T22:30:00+00:00`."""
    opened_at = datetime.fromisoformat(text)
    return make_record(**{"state": "completed", "opened_at": opened_at, "deadline": opened_at} | fields)


def fill(start: datetime, hours: int, seed: int = 1, per_hour: int = 4) -> list[UsageRecord]:
    """Mixed records over these hours."""
    chance = random.Random(seed)
    records = [
        _mixed(chance, start + timedelta(hours=hour, seconds=chance.random() * 3600))
        for hour in range(hours)
        for _ in range(per_hour)
    ]
    return UsageRecord.objects.bulk_create(records)


def _mixed(chance: random.Random, opened_at: datetime) -> UsageRecord:
    state = chance.choice(["completed"] * 6 + ["failed", "cancelled", "interrupted"])
    is_counted = state in ("completed", "cancelled")
    key = chance.randrange(5)
    return UsageRecord(
        request_id=f"req_{chance.getrandbits(64):x}",
        operation=chance.choice(["chat", "responses"]),
        account=chance.choice(["", "acme", "ACME", "globex"]),
        key_id=str(key),
        key_label=f"Key {key} of Zoë",
        user_id=chance.choice([None, 1, 2]),
        model=chance.choice(["small", "Small", "large"]),
        target_kind="model",
        target_model="upstream",
        backend="default",
        is_stream=chance.random() < 0.5,
        state=state,
        error_code="rate_limit_exceeded" if state == "failed" else "",
        prompt_tokens=chance.randrange(100_000) if is_counted else None,
        completion_tokens=chance.randrange(10_000) if is_counted else None,
        cached_tokens=chance.randrange(100) if is_counted else None,
        reasoning_tokens=chance.randrange(100) if is_counted else None,
        cost_nano=chance.randrange(10**12) if is_counted and chance.random() < 0.9 else None,
        first_token_ms=chance.choice([0, 100, 101, 9_999, 30_001]) if is_counted else None,
        duration_ms=chance.randrange(60_000) if is_counted else None,
        opened_at=opened_at,
        deadline=opened_at + timedelta(minutes=16),
    )


def summed(records: Iterable[UsageRecord], column: str) -> int:
    """The sum of a column, computed in Python."""
    return sum(getattr(record, column) or 0 for record in records)


def named(found: dict[Group, Sums]) -> dict[Group, Sums]:
    """MariaDB ignores case: there a group has the name of any of its rows."""
    if connection.vendor != "mysql":
        return found
    return {
        tuple(each.casefold() if isinstance(each, str) else each for each in group): found[group] for group in found
    }
