"""The status of a key says what is wrong with it. A key and the database agree on it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.support.factories import make_key, make_user
from threadless.keys.models import APIKey
from threadless.keys.status import LABELS, condition_of, status_of

pytestmark = pytest.mark.django_db

NOW = timezone.now()
USED = {"last_used_at": NOW}
KEYS: list[tuple[str, dict[str, Any]]] = [
    ("active", USED),
    ("active", USED | {"expires_at": NOW + timedelta(days=8), "previous_until": NOW - timedelta(days=1)}),
    ("never_used", {}),
    ("rotating", {"previous_until": NOW + timedelta(hours=1)}),
    ("expires_soon", USED | {"expires_at": NOW + timedelta(days=6)}),
    ("expires_soon", {"expires_at": NOW + timedelta(days=6), "previous_until": NOW + timedelta(hours=1)}),
    ("no_model", USED | {"allowed_models": []}),
    ("no_scope", USED | {"scopes": [], "allowed_models": []}),
    ("expired", USED | {"expires_at": NOW - timedelta(days=1), "scopes": []}),
    ("revoked", {"revoked_at": NOW, "expires_at": NOW - timedelta(days=1), "scopes": []}),
]


@pytest.mark.parametrize(("status", "fields"), KEYS)
def test_key_has_status(issue_key: Any, status: str, fields: dict[str, Any]) -> None:
    key, _ = issue_key(**fields)
    assert status_of(key) == status
    assert [name for name in LABELS if APIKey.objects.filter(condition_of(name)).exists()] == [status]


def test_key_of_inactive_user_does_not_count_as_active() -> None:
    key, _ = make_key(user=make_user(is_active=False), last_used_at=NOW)
    assert status_of(key) == "inactive_user"
    assert [name for name in LABELS if APIKey.objects.filter(condition_of(name)).exists()] == ["inactive_user"]
