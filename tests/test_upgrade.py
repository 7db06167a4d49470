"""Keys and usage records of a release survive the migrations that came after it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest
from django.contrib.auth.models import User

from tests.support.releases import go_back, insert, upgrade
from threadless.models import APIKey, UsageRecord

pytestmark = pytest.mark.django_db(transaction=True)

OPENED, SETTLED = "2026-11-01 10:00:00", "2026-11-01 10:00:02"
KEY: Final = {
    "id": 7, "name": "laptop", "note": "", "prefix": "tl", "last4": "abcd", "digest": "d" * 64,
    "scopes": '["CHATS:WRITE"]', "allowed_models": '["small"]', "created_at": OPENED, "requests_per_minute": 60,
}  # fmt: skip
RECORD: Final = {
    "id": 9, "request_id": "chatcmpl-1", "client_request_id": "", "operation": "chat", "account": "acme", "key_id": "7",
    "key_label": "laptop (tl_…abcd)", "model": "small", "target_kind": "model", "target_model": "small-1",
    "backend": "default", "upstream_model": "small-1", "is_stream": False, "state": "completed", "http_status": 200,
    "error_code": "", "finish_reason": "stop", "prompt_tokens": 9, "completion_tokens": 5, "usage_source": "upstream",
    "cost_nano": 1_234, "opened_at": OPENED, "deadline": "2026-11-01 10:15:00", "settled_at": SETTLED, "worker": "",
    "duration_ms": 2_000,
}  # fmt: skip


def test_key_of_the_first_release_is_kept() -> None:
    user = User.objects.create_user("alice")
    go_back("threadless", "0001")
    insert("threadless_apikey", {**KEY, "user_id": user.pk})
    upgrade("threadless")
    key = APIKey.objects.get()
    assert (key.pk, key.user, key.digest) == (7, user, "d" * 64)
    assert (key.scopes, key.allowed_models, key.requests_per_minute) == (["CHATS:WRITE"], ["small"], 60)


def test_record_of_the_first_release_is_kept() -> None:
    go_back("threadless", "0001")
    insert("threadless_usagerecord", RECORD)
    upgrade("threadless")
    record = UsageRecord.objects.get()
    assert (record.request_id, record.account, record.state) == ("chatcmpl-1", "acme", "completed")
    assert (record.prompt_tokens, record.completion_tokens, record.cost_nano) == (9, 5, 1_234)
    assert record.opened_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
