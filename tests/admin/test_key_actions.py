"""Actions of the key list: revoking asks first, deleting leaves the ledger alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from tests.support.factories import make_record, make_user
from tests.support.key_admin import act, signed_in
from threadless.keys.models import APIKey
from threadless.usage.models import UsageRecord

pytestmark = pytest.mark.django_db


def test_revoking_asks_first(admin_client: Client, issue_key: Any) -> None:
    key, _ = issue_key()
    content = act(admin_client, "revoke_keys", key).content.decode()
    key.refresh_from_db()
    assert "This cannot be undone" in content
    assert key.revoked_at is None


def test_revoking_once_confirmed_ends_keys_and_is_logged(admin_client: Client, issue_key: Any) -> None:
    key, _ = issue_key()
    content = act(admin_client, "revoke_keys", key, confirmed="yes").content.decode()
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert "1 key was revoked. Requests with it are refused from now on." in content
    assert LogEntry.objects.get().change_message == "Revoked."


def test_revoking_revoked_key_keeps_its_moment(admin_client: Client, issue_key: Any) -> None:
    moment = timezone.now() - timedelta(days=1)
    key, _ = issue_key(revoked_at=moment)
    assert "already revoked" in act(admin_client, "revoke_keys", key).content.decode()
    act(admin_client, "revoke_keys", key, confirmed="yes")
    key.refresh_from_db()
    assert key.revoked_at == moment


def test_revoking_needs_permission_to_change(issue_key: Any) -> None:
    key, _ = issue_key()
    act(signed_in(make_user(permissions=("view_apikey",), is_staff=True)), "revoke_keys", key, confirmed="yes")
    key.refresh_from_db()
    assert key.revoked_at is None


def test_key_deleted_in_admin_leaves_usage_rows(admin_client: Client, issue_key: Any) -> None:
    key, _ = issue_key()
    make_record(key_id=str(key.pk), user_id=key.user_id)
    act(admin_client, "delete_selected", key, post="yes")
    assert (APIKey.objects.count(), UsageRecord.objects.count()) == (0, 1)
