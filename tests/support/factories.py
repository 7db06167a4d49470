"""Rows that tests need, as plain functions with defaults that do not matter to the test."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils import timezone

from threadless.keys.adapters import get_api_key_model
from threadless.types import Caller, Target
from threadless.usage.models import UsageRecord
from threadless.usage.recorder import Entry, Opening

_numbers = count(1)


def make_user(username: str = "", *, permissions: tuple[str, ...] = (), **fields: Any) -> Any:
    """A user who holds these permissions of our app, by code name."""
    user = get_user_model().objects.create_user(username or f"user{next(_numbers)}", password="password", **fields)
    user.user_permissions.add(
        *Permission.objects.filter(content_type__app_label="threadless", codename__in=permissions)
    )
    return user


def make_key(**fields: Any) -> tuple[Any, str]:
    """A saved key and its secret, by default with the scope that our endpoints require."""
    fields.setdefault("name", "laptop")
    fields.setdefault("scopes", ["CHATS:WRITE"])
    if "user" not in fields:
        fields["user"] = make_user()
    return get_api_key_model().objects.issue(**fields)  # type: ignore[attr-defined]


def make_opening(**fields: Any) -> Opening:
    """An admitted call that has just begun."""
    defaults: dict[str, Any] = {
        "request_id": f"req_{next(_numbers):08d}",
        "caller": Caller(user_id=None, key_id="7", label="laptop"),
        "target": Target(id="small", model="upstream-small"),
        "is_stream": False,
        "opened_at": timezone.now(),
    }
    return Opening(**defaults | fields)


def make_record(**fields: Any) -> UsageRecord:
    """A usage row, open by default."""
    now = timezone.now()
    defaults: dict[str, Any] = {
        "request_id": f"req_{next(_numbers):08d}",
        "key_id": "7",
        "key_label": "laptop",
        "model": "small",
        "target_kind": "model",
        "target_model": "upstream-small",
        "backend": "default",
        "is_stream": False,
        "opened_at": now,
        "deadline": now + timedelta(minutes=16),
    }
    return UsageRecord.objects.create(**defaults | fields)


def entry_of(record: UsageRecord) -> Entry:
    """What `open` returned for this record."""
    return Entry(record._state.db or "default", record.pk, record.request_id)
