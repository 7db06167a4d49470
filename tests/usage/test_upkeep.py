"""Hooks that only look at late settlements cost a call nothing, and work once a minute beside the calls."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.factories import entry_of, make_opening, make_record
from tests.support.testapp.late_hooks import LateHook
from threadless.usage import upkeep
from threadless.usage.base import Outcome
from threadless.usage.recorder import DatabaseUsageRecorder
from threadless.usage.sweep import sweep, sweep_sometimes

LATE = "tests.support.testapp.apps.LateConfig"
COMPLETED = Outcome(state="completed")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _hooks(settings: Any) -> None:
    settings.INSTALLED_APPS = [LATE if app == "tests.support.testapp" else app for app in settings.INSTALLED_APPS]
    LateHook.settled.clear()
    LateHook.sweeps.clear()
    LateHook.go_on.set()


def test_call_with_late_hooks_runs_the_statements_of_a_call_without_hooks() -> None:
    recorder = DatabaseUsageRecorder()
    sweep_sometimes("default")  # if one is due, it adds queries
    with CaptureQueriesContext(connection) as queries:
        recorder.settle(recorder.open(make_opening()), COMPLETED)
    # Without those with which a new connection begins.
    ours = [query["sql"].split()[0] for query in queries if "threadless" in query["sql"]]
    assert (ours, LateHook.settled) == (["INSERT", "UPDATE"], [])


def test_late_hook_learns_of_interrupted_record_that_is_settled() -> None:
    record = make_record(deadline=timezone.now() - timedelta(seconds=5))
    sweep()
    DatabaseUsageRecorder().settle(entry_of(record), COMPLETED)
    record.refresh_from_db()
    assert (record.state, LateHook.settled) == ("completed", [record.pk])


def test_upkeep_runs_hooks_in_one_thread_beside_calls() -> None:
    LateHook.go_on.clear()
    upkeep.start_upkeep("default")
    upkeep.start_upkeep("default")  # the first one still works
    LateHook.go_on.set()
    assert LateHook.has_swept.acquire(timeout=20)
    for thread in threading.enumerate():
        if thread.name == upkeep.THREAD_NAME:
            thread.join(20)
    assert LateHook.sweeps == [upkeep.THREAD_NAME]


def test_command_does_upkeep_and_reports_hook_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    call_command("threadless_sweep")
    assert LateHook.sweeps == [threading.current_thread().name]
    assert "The ledger hook 'failing' failed while sweeping." in caplog.text
