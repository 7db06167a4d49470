"""Keys are issued within their creator's rights and end for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from tests.support.factories import make_key, make_record, make_user
from threadless.keys import secrets
from threadless.keys.models import APIKey
from threadless.usage.models import UsageRecord

pytestmark = pytest.mark.django_db


def test_key_issued_keeps_digest_prefix_and_last_four_only(issue_key: Any) -> None:
    key, secret = issue_key()
    row = APIKey.objects.filter(pk=key.pk).values().get()
    assert row["digest"] == secrets.digest(secret)
    assert (row["prefix"], row["last4"]) == ("tl", secret[-4:])
    assert secret not in str(row)


def test_key_issued_follows_configured_prefix(issue_key: Any, settings: Any) -> None:
    settings.THREADLESS = {"KEY_PREFIX": "acme"}
    key, secret = issue_key()
    assert secret.startswith("acme_")
    assert key.prefix == "acme"


def test_key_issued_without_scopes_has_none(user: Any) -> None:
    key, _ = APIKey.objects.issue(name="bare", user=user)
    key.refresh_from_db()
    assert key.scopes == []
    assert key.allowed_models is None


def test_key_text_holds_no_secret(issue_key: Any) -> None:
    key, secret = issue_key(name="laptop")
    assert str(key) == f"laptop (tl_…{secret[-4:]})"
    assert secret not in repr(key)


def test_creator_with_scope_issues_key_for_themselves() -> None:
    creator = make_user(permissions=("write_chats",))
    key, _ = make_key(user=creator, created_by=creator, scopes=["CHATS:WRITE"])
    assert key.created_by == creator


def test_creator_without_scope_cannot_issue_key_with_it(user: Any) -> None:
    with pytest.raises(PermissionDenied, match="CHATS:WRITE"):
        make_key(user=user, created_by=user, scopes=["CHATS:WRITE"])
    assert not APIKey.objects.exists()


def test_creator_without_permission_cannot_issue_key_for_other_user(user: Any) -> None:
    with pytest.raises(PermissionDenied, match="not allowed to issue keys for this user"):
        make_key(user=user, created_by=make_user(is_staff=True), scopes=[])
    assert not APIKey.objects.exists()


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [(None, False), (timedelta(seconds=1), False), (timedelta(0), True), (timedelta(days=-1), True)],
)
def test_key_is_expired_from_its_moment_on(ahead: timedelta | None, expected: bool) -> None:
    now = timezone.now()
    key = APIKey(expires_at=None if ahead is None else now + ahead)
    assert key.is_expired(now) is expected


def test_key_revoked_twice_keeps_first_moment(issue_key: Any) -> None:
    key, _ = issue_key()
    key.revoke()
    first = key.revoked_at
    key.revoke()
    key.refresh_from_db()
    assert key.revoked_at == first


def test_key_deleted_leaves_usage_rows(issue_key: Any) -> None:
    key, _ = issue_key()
    make_record(key_id=str(key.pk), user_id=key.user_id)
    key.delete()
    assert UsageRecord.objects.count() == 1


def test_user_deleted_takes_keys_and_leaves_usage_rows(issue_key: Any) -> None:
    key, _ = issue_key()
    make_record(key_id=str(key.pk), user_id=key.user_id)
    get_user_model().objects.all().delete()
    assert not APIKey.objects.exists()
    assert UsageRecord.objects.get().user_id == key.user_id


def test_creator_deleted_leaves_key(user: Any) -> None:
    creator = make_user(is_superuser=True)
    key, _ = make_key(user=user, created_by=creator)
    creator.delete()
    key.refresh_from_db()
    assert key.created_by is None
