"""A row is there before the upstream is asked, and is settled once."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db import OperationalError, connection, transaction
from django.db.models.sql.compiler import SQLInsertCompiler, SQLUpdateCompiler
from django.utils import timezone

from tests.support.factories import entry_of, make_opening, make_record
from threadless.exceptions import UpstreamError
from threadless.types import Caller, Target, Usage
from threadless.usage import retries, sweep
from threadless.usage.checks import check_statements
from threadless.usage.models import UsageRecord
from threadless.usage.recorder import DatabaseUsageRecorder, Outcome

COMPLETED = Outcome(state="completed")


def settle(outcome: Outcome, **fields: Any) -> UsageRecord:
    record = make_record(**fields)
    DatabaseUsageRecorder().settle(entry_of(record), outcome)
    record.refresh_from_db()
    return record


@pytest.mark.django_db(transaction=True)
def test_open_writes_row_that_says_open() -> None:
    opening = make_opening(request_id="req_1", is_stream=True)
    entry = DatabaseUsageRecorder().open(opening)
    record = UsageRecord.objects.get(pk=entry.pk)
    assert (record.request_id, record.state, record.is_stream) == ("req_1", "open", True)
    assert (record.key_id, record.key_label) == ("7", "laptop")
    assert (record.model, record.target_model, record.backend) == ("small", "upstream-small", "default")


@pytest.mark.django_db(transaction=True)
def test_open_keeps_account_operation_and_both_request_ids() -> None:
    caller = Caller(user_id=None, account="4711")
    opening = make_opening(request_id="req_1", client_request_id="mine", operation="embeddings", caller=caller)
    record = UsageRecord.objects.get(pk=DatabaseUsageRecorder().open(opening).pk)
    assert (record.request_id, record.client_request_id) == ("req_1", "mine")
    assert (record.account, record.operation) == ("4711", "embeddings")


@pytest.mark.django_db(transaction=True)
def test_open_names_server_process() -> None:
    record = UsageRecord.objects.get(pk=DatabaseUsageRecorder().open(make_opening()).pk)
    assert record.worker == f"{socket.gethostname()[:50]}:{os.getpid()}"


@pytest.mark.django_db(transaction=True)
def test_open_sets_deadline_a_minute_after_longest_call(settings: Any) -> None:
    settings.THREADLESS = {"MAX_CALL_SECONDS": 100}
    record = UsageRecord.objects.get(pk=DatabaseUsageRecorder().open(make_opening()).pk)
    assert record.deadline - record.opened_at == timedelta(seconds=160)


@pytest.mark.django_db(transaction=True)
def test_open_inside_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        DatabaseUsageRecorder().open(make_opening())


@pytest.mark.django_db(transaction=True)
def test_open_of_stream_gives_connection_back() -> None:
    DatabaseUsageRecorder().open(make_opening(is_stream=True))
    assert connection.connection is None


@pytest.mark.django_db(transaction=True)
def test_open_of_plain_call_keeps_connection_to_file_only() -> None:
    DatabaseUsageRecorder().open(make_opening())
    assert (connection.connection is not None) is (connection.vendor == "sqlite")


@pytest.mark.django_db(transaction=True)
def test_open_cuts_long_names() -> None:
    caller = Caller(user_id=None, key_id="k" * 99, label="\0" + "l" * 999)
    entry = DatabaseUsageRecorder().open(make_opening(caller=caller, target=Target(id="m" * 999, model="u" * 999)))
    record = UsageRecord.objects.get(pk=entry.pk)
    assert (record.key_id, record.key_label) == ("k" * 64, "l" * 100)
    assert (len(record.model), len(record.target_model)) == (200, 200)


@pytest.mark.django_db
def test_settle_writes_tokens_and_times() -> None:
    usage = Usage(prompt_tokens=10, completion_tokens=5, cached_tokens=3, reasoning_tokens=2, source="estimated")
    record = settle(
        msgspec.structs.replace(COMPLETED, usage=usage, first_token_seconds=0.25, duration_seconds=1.5, tool_calls=1)
    )
    assert (record.prompt_tokens, record.completion_tokens) == (10, 5)
    assert (record.cached_tokens, record.reasoning_tokens) == (3, 2)
    assert (record.usage_source, record.tool_calls) == ("estimated", 1)
    assert (record.first_token_ms, record.duration_ms) == (250, 1500)


@pytest.mark.django_db
def test_settle_without_usage_leaves_tokens_empty() -> None:
    record = settle(Outcome(state="failed", failure=UpstreamError()))
    assert (record.state, record.http_status, record.error_code) == ("failed", 502, "upstream_error")
    assert (record.prompt_tokens, record.completion_tokens, record.usage_source) == (None, None, "")


@pytest.mark.django_db
@pytest.mark.parametrize("cost", [None, 0, 1_234_567_890_123])
def test_settle_writes_cost_and_keeps_unknown_cost_empty(cost: int | None) -> None:
    assert settle(msgspec.structs.replace(COMPLETED, cost_nano=cost)).cost_nano == cost


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        (Outcome(state="completed"), 200, ""),
        (Outcome(state="failed", failure=UpstreamError()), 502, "upstream_error"),
        (Outcome(state="failed", failure=UpstreamError(), has_begun=True), 200, "upstream_error"),
        (Outcome(state="cancelled"), 499, ""),
        (Outcome(state="cancelled", has_begun=True), 200, ""),
    ],
)
def test_outcome_knows_status_and_code_that_client_got(outcome: Outcome, status: int, code: str) -> None:
    assert (outcome.http_status, outcome.error_code) == (status, code)


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["open", "interrupted"])
def test_settle_of_provisional_row_wins(state: str) -> None:
    assert settle(COMPLETED, state=state).state == "completed"


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
def test_settle_of_final_row_changes_nothing(state: str) -> None:
    record = settle(COMPLETED, state=state)
    assert (record.state, record.http_status) == (state, None)


@pytest.mark.django_db
def test_settle_notes_when() -> None:
    before = timezone.now()
    settled_at = settle(COMPLETED).settled_at
    assert settled_at is not None
    assert timedelta(0) <= settled_at - before < timedelta(minutes=1)


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"request_id": "another"}, {"pk": 0}])
def test_settle_of_another_row_changes_nothing_and_says_so(
    change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    record = make_record()
    DatabaseUsageRecorder().settle(entry_of(record)._replace(**change), COMPLETED)
    record.refresh_from_db()
    assert record.state == "open"
    assert caplog.text.count("was settled already or does not exist") == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "kept"), [("x" * 999, "x" * 200), ("a\0b", "ab"), ("a\ud800b", "a?b"), ("Modèle 模型", "Modèle 模型")]
)
def test_settle_cuts_upstream_text_to_what_databases_take(given: str, kept: str) -> None:
    assert settle(msgspec.structs.replace(COMPLETED, upstream_model=given)).upstream_model == kept


@pytest.mark.django_db
@pytest.mark.parametrize(("given", "kept"), [(-1, 0), (10**12, 2**31 - 1)])
def test_settle_cuts_upstream_counts_to_what_databases_take(given: int, kept: int) -> None:
    assert settle(msgspec.structs.replace(COMPLETED, usage=Usage(prompt_tokens=given))).prompt_tokens == kept


@pytest.mark.django_db
def test_settle_takes_one_query(django_assert_num_queries: Any) -> None:
    record = make_record()
    sweep.sweep_sometimes("default")  # if one is due, it adds queries
    with django_assert_num_queries(1):
        DatabaseUsageRecorder().settle(entry_of(record), COMPLETED)


class ReversedCompiler(SQLUpdateCompiler):
    """A Django of another day: the columns of an update come in another order."""

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        query: Any = self.query
        query.values = query.values[::-1]
        return super().as_sql(*args, **kwargs)


class BrokenCompiler(SQLInsertCompiler):
    """A Django of another day: an insert cannot be compiled without an object."""

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        if self.query.raw:
            raise AttributeError("raw")
        return super().as_sql(*args, **kwargs)


@pytest.fixture
def new_compilers(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets the connection compile with these, as another version of Django might."""
    known = connection.ops.compiler
    changed = {"SQLUpdateCompiler": ReversedCompiler, "SQLInsertCompiler": BrokenCompiler}
    monkeypatch.setattr(connection.ops, "compiler", lambda name: changed.get(name) or known(name))
    settings.THREADLESS = {**settings.THREADLESS}  # forgets what was compiled
    yield
    settings.THREADLESS = {**settings.THREADLESS}


@pytest.mark.django_db(transaction=True)
def test_sql_that_django_compiles_in_another_way_loses_nothing(
    new_compilers: None, caplog: pytest.LogCaptureFixture
) -> None:
    usage = Usage(prompt_tokens=10, completion_tokens=5)
    for _ in range(2):
        entry = DatabaseUsageRecorder().open(make_opening(is_stream=True))
        DatabaseUsageRecorder().settle(entry, msgspec.structs.replace(COMPLETED, usage=usage, tool_calls=3))
        record = UsageRecord.objects.get(pk=entry.pk)
        assert (record.state, record.is_stream, record.tool_calls) == ("completed", True, 3)
        assert (record.prompt_tokens, record.completion_tokens) == (10, 5)
        assert record.settled_at is not None
    assert caplog.text.count("Django's SQL is unexpected") == 2  # once for each of the two statements


@pytest.mark.django_db
def test_check_tells_of_sql_that_django_compiles_in_another_way(new_compilers: None) -> None:
    [message] = check_statements(databases=["default"])
    assert message.id == "threadless.W021"
    assert "insert, update" in message.msg


@pytest.mark.django_db
@pytest.mark.parametrize("databases", [["default"], [], None])
def test_check_accepts_sql_of_this_django(databases: list[str] | None) -> None:
    assert check_statements(databases=databases) == []


def refuse(*args: Any) -> None:
    raise OperationalError("away")


@pytest.mark.django_db(transaction=True)
def test_settle_while_database_is_away_is_made_up_for() -> None:
    record = make_record()
    with connection.execute_wrapper(refuse):
        DatabaseUsageRecorder().settle(entry_of(record), COMPLETED)
    assert retries.drain(20)
    record.refresh_from_db()
    assert record.state == "completed"


@pytest.mark.django_db
def test_settle_sweeps_at_most_once_a_minute(monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any) -> None:
    record, overdue = make_record(), make_record(deadline=timezone.now() - timedelta(seconds=5))
    monkeypatch.setitem(sweep._last_sweeps, "default", time.monotonic() - 60)
    DatabaseUsageRecorder().settle(entry_of(record), COMPLETED)
    overdue.refresh_from_db()
    assert overdue.state == "interrupted"
    with django_assert_num_queries(1):
        DatabaseUsageRecorder().settle(entry_of(record), COMPLETED)
