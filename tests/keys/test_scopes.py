"""A user's scopes come from Django permissions alone, and permissions decide whom a user may issue keys for."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from tests.support.factories import make_user
from threadless.keys.scopes import may_issue_for, scopes_of

pytestmark = pytest.mark.django_db


def test_scopes_of_plain_user_are_none(user: Any) -> None:
    assert scopes_of(user) == frozenset()


def test_scopes_of_anonymous_user_are_none() -> None:
    assert scopes_of(AnonymousUser()) == frozenset()


def test_scopes_follow_permissions() -> None:
    assert scopes_of(make_user(permissions=("write_chats",))) == {"CHATS:WRITE"}


def test_scopes_of_inactive_user_are_none() -> None:
    assert scopes_of(make_user(permissions=("write_chats",), is_active=False)) == frozenset()


def test_scopes_of_superuser_are_those_with_permission(settings: Any) -> None:
    settings.THREADLESS = {"SCOPES": {"A": "", "B": ""}, "SCOPE_PERMISSIONS": {"A": "any.thing"}}
    assert scopes_of(make_user(is_superuser=True)) == {"A"}


def test_user_may_issue_keys_for_themselves_only(user: Any) -> None:
    assert may_issue_for(user, user)
    assert not may_issue_for(user, make_user())


def test_permission_allows_keys_for_other_users_but_not_for_superusers(user: Any) -> None:
    issuer = make_user(permissions=("issue_keys_for_others",))
    assert may_issue_for(issuer, user)
    assert not may_issue_for(issuer, make_user(is_superuser=True))


def test_superuser_may_issue_keys_for_everybody(user: Any) -> None:
    superuser = make_user(is_superuser=True)
    assert may_issue_for(superuser, user)
    assert may_issue_for(superuser, make_user(is_superuser=True))
