"""Four server processes use up one budget together, exactly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter as Tally
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connection
from django.db.models import F, Sum

from tests.budgets.caller import PIECE
from tests.support import factories
from threadless.budgets import api
from threadless.budgets.models import Counter
from threadless.models import UsageRecord

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

PROCESSES = 4
PER_CALL = 6 + 10
"""Tokens of a plain call: its prompt and its output limit."""


@pytest.fixture
def secret(transactional_db: None) -> str:
    """The secret of a key."""
    secret: str = factories.make_key()[1]
    return secret


def run_processes(secret: str, kind: str) -> Tally[tuple[int, str | None]]:
    """All answers of four processes that send their calls at once."""
    command = [sys.executable, "-m", "tests.budgets.caller", str(connection.settings_dict["NAME"]), secret, kind]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.optional_apps"}
    answers: list[Any] = []
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True)
            )
            for _ in range(PROCESSES)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            answers += json.loads(process.communicate()[0])
    return Tally((status, code) for status, code in answers)


def all_sums() -> set[tuple[int, int]]:
    """Spent and reserved of each counter."""
    return set(Counter.objects.values_list("spent", "reserved"))


def tokens_of_rows() -> int:
    """The tokens in the ledger."""
    total = F("prompt_tokens") + F("completion_tokens")
    return UsageRecord.objects.aggregate(sum=Sum(total))["sum"]


@pytest.mark.parametrize("others", [(), ("day", "week", "total")], ids=["alone", "with others"])
def test_budget_for_57_calls_admits_exactly_57_of_200(secret: str, others: tuple[str, ...]) -> None:
    for period in others:
        api.set_budget(api.PLATFORM, "tokens", period, 100 * PER_CALL)
    api.set_budget(api.PLATFORM, "tokens", "month", 57 * PER_CALL)
    assert run_processes(secret, "plain") == {(200, None): 57, (429, "insufficient_quota"): 143}
    assert all_sums() == {(57 * PER_CALL, 0)}
    assert UsageRecord.objects.filter(state="completed").count() == 57
    assert tokens_of_rows() == 57 * PER_CALL
    assert UsageRecord.objects.count() == 57


def test_streams_without_end_use_up_a_budget_together(secret: str) -> None:
    limit, streams = 200_000, 20
    api.set_budget(api.PLATFORM, "tokens", "month", limit)
    answers = run_processes(secret, "streams")
    # On a busy machine, a process may begin when the others have used up the budget.
    assert answers[200, "insufficient_quota"] + answers[429, "insufficient_quota"] == answers.total() == streams
    [(spent, reserved)] = all_sums()
    assert limit <= spent <= limit + streams * len(PIECE)
    assert (reserved, tokens_of_rows()) == (0, spent)
