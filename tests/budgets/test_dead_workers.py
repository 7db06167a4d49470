"""A dead worker's calls give back what they held as soon as another worker knows of its end."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections

from tests.budgets.conftest import Model
from tests.support.factories import make_opening
from threadless.budgets import api, known
from threadless.budgets.hook import NAME
from threadless.budgets.models import Counter
from threadless.budgets.needs import Need
from threadless.budgets.plan import Plan
from threadless.contrib import gunicorn
from threadless.testing import CompletionClient
from threadless.types import Caller
from threadless.usage.recorder import DatabaseUsageRecorder

pytestmark = pytest.mark.django_db(transaction=True)


def open_call() -> Any:
    """A call that holds one of the platform's concurrent calls."""
    opening = make_opening(caller=Caller(user_id=None))
    chains = known.chains_of("default", opening.caller)
    plan = Plan("default", chains, Need(opening.target, 1, 1, False), opening.opened_at)
    return DatabaseUsageRecorder().open(make_opening(caller=opening.caller, reservations={NAME: plan}))


@pytest.mark.parametrize(("process_id", "reserved"), [(os.getpid(), 0), (1, 1)], ids=["ended", "another"])
def test_calls_of_the_ended_worker_alone_are_free(process_id: int, reserved: int) -> None:
    api.set_budget(api.PLATFORM, "concurrent", "total", 5)
    open_call()
    gunicorn.child_exit(None, SimpleNamespace(pid=process_id))
    gunicorn.mark_calls_of_ended_workers()
    gunicorn._ended.clear()
    assert Counter.objects.get().reserved == reserved


def test_call_of_a_later_process_with_the_same_id_is_not_touched() -> None:
    api.set_budget(api.PLATFORM, "concurrent", "total", 5)
    gunicorn.child_exit(None, SimpleNamespace(pid=os.getpid()))
    open_call()
    gunicorn.mark_calls_of_ended_workers()
    gunicorn._ended.clear()
    assert Counter.objects.get().reserved == 1


@pytest.mark.database("postgresql", "mysql")
def test_counter_that_is_locked_for_two_seconds_is_a_503(model: Model, client: CompletionClient) -> None:
    api.set_budget(api.PLATFORM, "tokens", "month", 1000)
    assert client.complete("small", "Hi").status_code == 200
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"UPDATE {Counter._meta.db_table} SET spent = spent + 1")
            response = client.complete("small", "Hi")
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert response.json()["error"]["code"] == "database_unavailable"
    assert client.complete("small", "Hi").status_code == 200
