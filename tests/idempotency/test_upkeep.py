"""Keys of dead calls, and the end of keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.idempotency.conftest import CONFLICT, Send, refusal
from tests.support.factories import make_opening
from tests.support.fixtures import Configure
from tests.support.upstream import ScriptedUpstream
from threadless.exceptions import APIError
from threadless.idempotency import used_keys
from threadless.idempotency.claims import Claim
from threadless.idempotency.hook import NAME
from threadless.idempotency.models import UsedKey
from threadless.models import UsageRecord
from threadless.usage.base import Entry, Outcome
from threadless.usage.recorder import DatabaseUsageRecorder
from threadless.usage.sweep import sweep

pytestmark = pytest.mark.django_db(transaction=True)


def open_call(digest: str = "a") -> Entry:
    return DatabaseUsageRecorder().open(make_opening(reservations={NAME: Claim(digest, "request")}))


def headers_of_refusal() -> Any:
    with pytest.raises(APIError) as caught:
        open_call()
    assert caught.value.status_code == 409
    return caught.value.headers


def kill_worker(entry: Entry) -> None:
    UsageRecord.objects.filter(pk=entry.pk).update(deadline=timezone.now() - timedelta(seconds=5))
    assert sweep() == 1


def test_key_of_a_killed_worker_counts_as_used_after_the_sweep() -> None:
    entry = open_call()
    assert "Retry-After" in headers_of_refusal()
    kill_worker(entry)
    assert headers_of_refusal() == {"x-should-retry": "false"}


@pytest.mark.parametrize(("has_asked", "keys"), [(True, 1), (False, 0)])
def test_late_settlement_decides_about_the_key(has_asked: bool, keys: int) -> None:
    entry = open_call()
    kill_worker(entry)
    DatabaseUsageRecorder().settle(entry, Outcome(state="failed", has_asked=has_asked))
    assert UsedKey.objects.count() == keys


def test_settlement_releases_no_key_of_a_later_call() -> None:
    entry = open_call()
    UsedKey.objects.update(request_id="req_later")
    DatabaseUsageRecorder().settle(entry, Outcome(state="failed", has_asked=False))
    assert UsedKey.objects.get().request_id == "req_later"


def test_key_without_its_record_counts_as_used() -> None:
    open_call()
    UsageRecord.objects.all().delete()
    assert headers_of_refusal() == {"x-should-retry": "false"}


def expire(*digests: str) -> None:
    UsedKey.objects.filter(pk__in=digests).update(expires_at=timezone.now() - timedelta(seconds=1))


def test_expired_key_may_be_used_again(send: Send, upstream: ScriptedUpstream) -> None:
    send("a")
    expire(UsedKey.objects.get().pk)
    assert send("a", "another question").status_code == 200
    assert refusal(send("a", "another question")) == CONFLICT


def test_command_deletes_expired_keys(capsys: pytest.CaptureFixture[str]) -> None:
    for digest in "abc":
        open_call(digest)
    expire("a", "c")
    call_command("threadless_sweep")
    assert [key.pk for key in UsedKey.objects.all()] == ["b"]


def test_many_expired_keys_are_deleted_in_batches() -> None:
    number = 2 * used_keys.BATCH + 1
    then = timezone.now() - timedelta(days=2)
    UsedKey.objects.bulk_create([UsedKey(digest=f"{each}", expires_at=then) for each in range(number)])
    with CaptureQueriesContext(connection) as captured:
        used_keys.delete_expired("default")
    assert sum(query["sql"].startswith("DELETE") for query in captured.captured_queries) == 3
    assert not UsedKey.objects.exists()


@pytest.mark.parametrize("hours", [1, 48])
def test_setting_says_how_long_a_key_is_kept(configure: Configure, hours: int) -> None:
    configure(IDEMPOTENCY_HOURS=hours)
    open_call()
    record = UsageRecord.objects.get()
    assert UsedKey.objects.get().expires_at == record.opened_at + timedelta(hours=hours)


def test_key_is_kept_while_its_call_may_run(configure: Configure) -> None:
    configure(IDEMPOTENCY_HOURS=1, MAX_CALL_SECONDS=7200.0)
    open_call()
    assert UsedKey.objects.get().expires_at == UsageRecord.objects.get().deadline
