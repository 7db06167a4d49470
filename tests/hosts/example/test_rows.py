"""The example host: what a call leaves behind in its tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone
from pytest_django import Settings

from project.accounts.models import ApiKey
from tests.support import rows
from tests.support.prepare_host import make_key
from tests.support.upstream import ScriptedUpstream
from threadless.models import UsageRecord


@pytest.fixture
def upstream(settings: Settings) -> Iterator[ScriptedUpstream]:
    """A loopback upstream that the platform is set to."""
    with ScriptedUpstream() as server:
        backend = settings.THREADLESS["BACKENDS"]["default"]
        options = {**backend["OPTIONS"], "base_url": server.base_url}
        settings.THREADLESS = {**settings.THREADLESS, "BACKENDS": {"default": {**backend, "OPTIONS": options}}}
        settings.LLM_MODELS = {"small": "upstream-small"}
        yield server


@pytest.mark.django_db(transaction=True)
def test_twenty_calls_add_twenty_rows_to_the_ledger_alone(upstream: ScriptedUpstream) -> None:
    secret = make_key()
    before = rows.row_counts()
    assert rows.mixed_calls("/api/v1/chat/completions", secret, "small") == [200] * rows.CALLS
    assert rows.grown(before) == {UsageRecord._meta.db_table: rows.CALLS}
    assert ApiKey.objects.get().last_used_at <= timezone.now()
