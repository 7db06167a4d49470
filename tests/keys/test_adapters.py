"""From a raw key to its caller, in one query."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from threadless.exceptions import NotAuthenticated
from threadless.keys import secrets
from threadless.keys.adapters import ModelKeyAdapter, get_api_key_model
from threadless.keys.models import AbstractAPIKey, APIKey
from threadless.types import Caller, Limits

pytestmark = pytest.mark.django_db


def test_adapter_with_valid_key_gives_user_and_caller(issue_key: Any, user: Any) -> None:
    key, secret = issue_key(scopes=["CHATS:WRITE"], allowed_models=["small"])
    found, caller = ModelKeyAdapter().authenticate(secret)
    assert found == user
    assert (caller.user_id, caller.key_id, caller.label) == (user.pk, str(key.pk), "laptop")
    assert (caller.scopes, caller.allowed_models) == (frozenset({"CHATS:WRITE"}), frozenset({"small"}))


def test_adapter_with_used_key_takes_one_query(issue_key: Any, django_assert_num_queries: Any) -> None:
    _, secret = issue_key(last_used_at=timezone.now())
    with django_assert_num_queries(1):
        ModelKeyAdapter().authenticate(secret)


@pytest.mark.parametrize("secret", ["", "tl_x", "sk-" + "a" * 40])
def test_adapter_with_malformed_key_asks_no_database(secret: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0), pytest.raises(NotAuthenticated):
        ModelKeyAdapter().authenticate(secret)


def test_adapter_with_unknown_key_refuses() -> None:
    with pytest.raises(NotAuthenticated, match="Incorrect API key"):
        ModelKeyAdapter().authenticate(secrets.generate("tl"))


def revoke(key: APIKey) -> None:
    key.revoke()


def expire(key: APIKey) -> None:
    APIKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def deactivate_user(key: APIKey) -> None:
    key.user.is_active = False
    key.user.save()


@pytest.mark.parametrize(("end", "reason"), [(revoke, "revoked"), (expire, "expired"), (deactivate_user, "inactive")])
def test_adapter_with_key_that_is_over_refuses(issue_key: Any, end: Callable[[APIKey], None], reason: str) -> None:
    key, secret = issue_key()
    end(key)
    with pytest.raises(NotAuthenticated, match=reason):
        ModelKeyAdapter().authenticate(secret)


@pytest.mark.parametrize(("seconds", "moves"), [(59, False), (60, True)])
def test_last_use_moves_once_a_minute(issue_key: Any, seconds: int, moves: bool) -> None:
    first = datetime(2030, 1, 1, tzinfo=UTC)
    key, secret = issue_key(last_used_at=first)
    with time_machine.travel(first + timedelta(seconds=seconds), tick=False):
        ModelKeyAdapter().authenticate(secret)
    key.refresh_from_db()
    assert (key.last_used_at != first) is moves


def test_first_use_is_noted(issue_key: Any) -> None:
    key, secret = issue_key()
    ModelKeyAdapter().authenticate(secret)
    key.refresh_from_db()
    assert key.last_used_at is not None


def test_limits_of_key_reach_caller(issue_key: Any) -> None:
    _, secret = issue_key(requests_per_minute=60, tokens_per_minute=1000, concurrent_calls=2)
    _, caller = ModelKeyAdapter().authenticate(secret)
    assert caller.limits == Limits(requests_per_minute=60, tokens_per_minute=1000, concurrent_calls=2)


class TieredCaller(Caller, frozen=True, kw_only=True):
    """A host's caller."""

    tier: str = ""


class TieredKeyAdapter(ModelKeyAdapter):
    """A host's adapter, which names nothing but its own field."""

    caller_class = TieredCaller

    def get_caller_fields(self, key: AbstractAPIKey) -> dict[str, Any]:
        return super().get_caller_fields(key) | {"tier": "gold"}


def test_host_with_caller_of_its_own_keeps_every_field_of_ours(issue_key: Any) -> None:
    _, secret = issue_key(concurrent_calls=2, allowed_models=["small"])
    _, plain = ModelKeyAdapter().authenticate(secret)
    _, caller = TieredKeyAdapter().authenticate(secret)
    assert isinstance(caller, TieredCaller)
    assert caller.tier == "gold"
    assert all(getattr(caller, name) == getattr(plain, name) for name in Caller.__struct_fields__)


@pytest.mark.parametrize("name", ["nowhere.Key", "threadless", ""])
def test_key_model_that_names_nothing_is_improper(settings: Any, name: str) -> None:
    settings.THREADLESS_API_KEY_MODEL = name
    with pytest.raises(ImproperlyConfigured, match="THREADLESS_API_KEY_MODEL"):
        get_api_key_model()
