"""Invented calls of the last 30 days, so that lists and reports of the demo show something. No upstream was asked."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.models import User
from django.utils import timezone

from project.accounts.models import Organisation
from project.agents.models import Agent
from threadless.models import UsageRecord

CALLS: Final = 2000
DAYS: Final = 30
LABEL: Final = "Demo data: "
"""Begins the key's name of each invented call, so that nobody takes it for a real one."""
_KEYS: Final = (("website", 5), ("mobile app", 3), ("night jobs", 2))
_FAILURES: Final = (("upstream_timeout", 504), ("rate_limit_exceeded", 429), ("context_length_exceeded", 400))
_PER_TOKEN_NANO: Final = (400, 1600)
"""Price of a prompt token and of a completion token, in billionths of the currency."""


def create_demo_calls(user: User, organisation: Organisation, agent: Agent) -> None:
    """Insert the calls unless there are some. The same ones each time, apart from the date."""
    if UsageRecord.objects.filter(key_label__startswith=LABEL).exists():
        return
    chance, now = random.Random(2026), timezone.now()  # noqa: S311  (not a secret)
    rows = [_row(chance, now, number) for number in range(CALLS)]
    for row in rows:
        row.user, row.account = user, str(organisation.pk)
        if row.target_kind == "agent":
            row.model = agent.public_id
    UsageRecord.objects.bulk_create(rows, batch_size=500)


def _row(chance: random.Random, now: datetime, number: int) -> UsageRecord:
    key = chance.choices([name for name, _ in _KEYS], [weight for _, weight in _KEYS])[0]
    opened_at = now - timedelta(days=DAYS * chance.random() ** 1.3, seconds=90)
    first_token = int(chance.lognormvariate(6.2, 0.5))
    return UsageRecord(
        request_id=f"demo_{number:04}",
        key_id=f"demo-{key.replace(' ', '-')}",
        key_label=f"{LABEL}{key}",
        model="harbour-small",
        target_kind=chance.choices(["model", "agent"], [3, 1])[0],
        target_model="smollm2-135m-instruct",
        backend="default",
        is_stream=chance.random() < 0.7,
        opened_at=opened_at,
        deadline=opened_at + timedelta(minutes=16),
        first_token_ms=first_token,
        duration_ms=first_token + int(chance.expovariate(1 / 4000)),
        **_outcome(chance),
    )


def _outcome(chance: random.Random) -> dict[str, object]:
    if chance.random() < 0.04:
        code, status = chance.choice(_FAILURES)
        return {"state": UsageRecord.State.FAILED, "http_status": status, "error_code": code}
    prompt, completion = int(chance.lognormvariate(6, 1)), int(chance.lognormvariate(4.8, 0.8))
    is_cancelled = chance.random() < 0.03
    return {
        "state": UsageRecord.State.CANCELLED if is_cancelled else UsageRecord.State.COMPLETED,
        "http_status": 200,
        "finish_reason": "" if is_cancelled else "stop",
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "cached_tokens": prompt // 2 if chance.random() < 0.3 else 0,
        "reasoning_tokens": 0,
        "usage_source": UsageRecord.Source.ESTIMATED if is_cancelled else UsageRecord.Source.UPSTREAM,
        "cost_nano": prompt * _PER_TOKEN_NANO[0] + completion * _PER_TOKEN_NANO[1],
        "tool_calls": 0,
    }
