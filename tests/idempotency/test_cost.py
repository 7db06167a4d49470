"""What the app costs: nothing without the header."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.idempotency.conftest import Send
from tests.support.upstream import ScriptedUpstream
from threadless.budgets import api

pytestmark = pytest.mark.django_db(transaction=True)


def statements(send: Send, key: str | None) -> list[str]:
    """The statements of one call, by their first words."""
    with CaptureQueriesContext(connection) as captured:
        assert send(key).status_code == 200
    return [" ".join(query["sql"].split()[:3]) for query in captured.captured_queries]


def without_app(settings: Any) -> None:
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "threadless.idempotency"]


@pytest.mark.parametrize("has_budget", [False, True], ids=["no budget", "budget"])
def test_call_without_the_header_has_the_same_statements(
    send: Send, upstream: ScriptedUpstream, settings: Any, has_budget: bool
) -> None:
    if has_budget:
        api.set_budget(api.PLATFORM, "tokens", "day", 1_000_000)
    send(None)  # prepares what is kept
    found = statements(send, None)
    without_app(settings)
    send(None)
    assert statements(send, None) == found


def test_call_with_the_header_writes_its_key(send: Send, upstream: ScriptedUpstream) -> None:
    assert any("threadless_idempotency_usedkey" in statement for statement in statements(send, "a"))
