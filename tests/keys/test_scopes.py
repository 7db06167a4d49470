"""A user's scopes come from Django permissions alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from tests.support.factories import make_user
from threadless.keys.scopes import scopes_of

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
