"""Which budgets a process knows, and for how long."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from threadless.budgets import api, known
from threadless.budgets.models import Budget
from threadless.types import Caller

pytestmark = pytest.mark.django_db

CALLER = Caller(user_id=5, key_id="7", account="acme")


def subjects(caller: Caller) -> list[api.Subject]:
    """Whose budgets a call of this caller uses."""
    return [chain[0].subject for chain in known.chains_of("default", caller)]


def make_too_many() -> None:
    """More budgets of other keys than a process keeps."""
    fields = {"subject_kind": "key", "unit": "tokens", "period": "day", "limit": 1}
    Budget.objects.bulk_create(Budget(subject_id=f"other-{number}", **fields) for number in range(known.MAX_KEPT + 1))


@pytest.mark.parametrize("makes_many", [False, True], ids=["few", "too many"])
def test_callers_find_the_budgets_of_all_their_subjects(makes_many: bool) -> None:
    if makes_many:
        make_too_many()
    own = [api.PLATFORM, api.key(7), api.user(5), api.account("acme")]
    for subject in [*own, api.key(8), api.user(6), api.account("other")]:
        api.set_budget(subject, "tokens", "day", 100)
    known.forget()
    assert subjects(CALLER) == own
    assert subjects(Caller(user_id=None, key_id="8")) == [api.PLATFORM, api.key(8)]


@pytest.mark.parametrize("makes_many", [False, True], ids=["few", "too many"])
def test_next_call_of_a_caller_without_a_budget_needs_no_query(makes_many: bool) -> None:
    if makes_many:
        make_too_many()
    assert subjects(CALLER) == []
    with CaptureQueriesContext(connection) as queries:
        assert subjects(CALLER) == []
    assert not len(queries)


def test_first_budget_of_a_caller_is_known_when_it_was_set(django_capture_on_commit_callbacks: Any) -> None:
    assert subjects(CALLER) == []
    with django_capture_on_commit_callbacks(execute=True):
        api.set_budget(api.key(7), "tokens", "day", 100)
    assert subjects(CALLER) == [api.key(7)]
