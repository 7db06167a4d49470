"""Old records are deleted in batches, and a person disappears from all records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import islice
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.support.factories import make_record, make_user
from threadless.usage.models import UsageRecord
from threadless.usage.purge import BATCH, purge
from threadless.usage.upkeep import upkeep

pytestmark = pytest.mark.django_db


def run(name: str, *arguments: str) -> str:
    output = StringIO()
    call_command(name, *arguments, stdout=output)
    return output.getvalue().strip()


def old(days: float = 500, **fields: Any) -> UsageRecord:
    return make_record(**{"state": "completed", "opened_at": timezone.now() - timedelta(days=days)} | fields)


def remaining() -> list[str]:
    return sorted(UsageRecord.objects.values_list("request_id", flat=True))


def test_purge_deletes_records_of_whole_days() -> None:
    with time_machine.travel(datetime(2026, 11, 26, 18, tzinfo=UTC)):
        for opened_at in ("2026-11-15T23:59:59+00:00", "2026-11-16T00:00:00+00:00"):
            make_record(request_id=opened_at[:10], opened_at=datetime.fromisoformat(opened_at), state="completed")
        assert run("threadless_purge", "--older-than", "10d") == "1"
    assert remaining() == ["2026-11-16"]


def test_purge_leaves_open_calls() -> None:
    old(request_id="open", state="open")
    old(state="interrupted")
    run("threadless_purge", "--older-than", "400d")
    assert remaining() == ["open"]


def test_interrupted_purge_can_be_repeated() -> None:
    moment = timezone.now() - timedelta(days=500)
    rows = [
        UsageRecord(opened_at=moment, deadline=moment, is_stream=False, state="completed") for _ in range(BATCH + 1)
    ]
    UsageRecord.objects.bulk_create(rows)
    assert list(islice(purge(400), 1)) == [BATCH]
    assert run("threadless_purge", "--older-than", "400d") == "1"


@pytest.mark.parametrize("age", ["0d", "-1", "400 days", "1y", ""])
def test_purge_refuses_invalid_age(age: str) -> None:
    with pytest.raises(CommandError, match="not a number of days"):
        run("threadless_purge", f"--older-than={age}")


@pytest.mark.parametrize(("keep", "left"), [(None, 2), (400, 1)])
def test_upkeep_deletes_what_is_older_than_the_setting(configure: Any, keep: int | None, left: int) -> None:
    configure(KEEP_RECORDS_DAYS=keep)
    old(500), old(300)
    upkeep()
    assert UsageRecord.objects.count() == left


def test_erasure_removes_person_and_keeps_numbers() -> None:
    alice, bob = make_user("alice"), make_user("bob")
    for user in (alice, bob):
        label = f"Laptop of {user.username}"
        make_record(user=user, key_label=label, client_request_id=user.username, cost_nano=5, account="acme")
    assert run("threadless_erase", "--user", "alice") == "1"
    rows = UsageRecord.objects.values_list("user_id", "key_label", "client_request_id", "account", "cost_nano")
    assert set(rows) == {(None, "", "", "acme", 5), (bob.pk, "Laptop of bob", "bob", "acme", 5)}


def test_erasure_finds_records_of_deleted_user() -> None:
    user = make_user("alice")
    pk = user.pk
    make_record(user_id=pk)
    user.delete()
    with pytest.raises(CommandError, match="--user-id"):
        run("threadless_erase", "--user", "alice")
    assert run("threadless_erase", "--user-id", str(pk)) == "1"
    assert run("threadless_erase", "--user-id", str(pk)) == "0"


def test_erasure_refuses_what_is_no_primary_key() -> None:
    with pytest.raises(CommandError, match="not a primary key"):
        run("threadless_erase", "--user-id", "alice")
