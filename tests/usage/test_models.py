"""The ledger's row: narrow, and without any room for text."""

from __future__ import annotations

import pytest
from django.db import connection, models
from django.utils import timezone

from tests.support.factories import make_record
from threadless.usage.models import UsageRecord

ROW_BYTES = 350


def test_record_has_no_column_for_text_but_that_of_hooks() -> None:
    texts = [field for field in UsageRecord._meta.fields if isinstance(field, models.TextField | models.JSONField)]
    assert [field.name for field in texts] == ["hook_state"]


def test_record_text_is_request_id_and_state() -> None:
    assert str(UsageRecord(request_id="req_1", state="failed")) == "req_1 (failed)"


@pytest.mark.django_db
@pytest.mark.database("postgresql")  # pg_column_size is PostgreSQL's
def test_typical_row_is_small() -> None:
    record = make_record(
        request_id="req_" + "a" * 32, key_id="b" * 36, key_label="Continuous integration", model="gpt-4.1-mini",
        target_model="gpt-4.1-mini", upstream_model="gpt-4.1-mini-2025-04-14", state="completed", http_status=200,
        finish_reason="stop", prompt_tokens=1234, completion_tokens=567, cached_tokens=0, reasoning_tokens=0,
        usage_source="upstream", tool_calls=0, first_token_ms=412, duration_ms=5012, user_id=1, account="4711",
        cost_nano=1_234_567, settled_at=timezone.now(), worker="worker-7d9f8b6c5-x2x4z:12345",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_column_size(r.*) FROM threadless_usagerecord r WHERE id = %s", [record.pk])
        assert cursor.fetchone()[0] <= ROW_BYTES
