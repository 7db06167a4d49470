"""The key lookup is compiled once only where its result cannot differ between calls for other reasons than the key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from tests.support.factories import make_user
from tests.support.testapp.models import TenantKey, current_tenant
from threadless.exceptions import NotAuthenticated
from threadless.keys.adapters import ModelKeyAdapter
from threadless.keys.checks import check_key_lookup
from threadless.keys.models import APIKey

pytestmark = pytest.mark.django_db


class MaturedKeyAdapter(ModelKeyAdapter):
    """Keys work from their second day on."""

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(created_at__lte=timezone.now() - timedelta(days=1))


def test_filter_by_time_follows_time(issue_key: Any) -> None:
    created = datetime(2030, 1, 1, tzinfo=UTC)
    with time_machine.travel(created, tick=False):
        _, secret = issue_key()
        with pytest.raises(NotAuthenticated):
            MaturedKeyAdapter().authenticate(secret)
    with time_machine.travel(created + timedelta(days=2), tick=False):
        MaturedKeyAdapter().authenticate(secret)


@pytest.fixture
def tenant_secret(settings: Any) -> Iterator[str]:
    """A key of the tenant `red`, in a table whose manager sees the current tenant alone."""
    settings.THREADLESS_API_KEY_MODEL = "testapp.TenantKey"
    token = current_tenant.set("red")
    yield TenantKey.objects.issue(name="red's", user=make_user(), tenant="red", scopes=[])[1]
    current_tenant.reset(token)


def test_manager_that_depends_on_tenant_finds_keys_of_current_tenant_alone(tenant_secret: str) -> None:
    ModelKeyAdapter().authenticate(tenant_secret)
    current_tenant.set("blue")
    with pytest.raises(NotAuthenticated):
        ModelKeyAdapter().authenticate(tenant_secret)


class ClockAdapter(ModelKeyAdapter):
    """Annotates with the database's time and with a subquery."""

    annotations: ClassVar = {
        "asked_at": Now(),
        "is_staff": Exists(get_user_model().objects.filter(pk=OuterRef("user"), is_staff=True)),
    }


def test_annotation_is_evaluated_at_each_call(issue_key: Any) -> None:
    _, secret = issue_key()
    first: Any = ClockAdapter().get_key(secret)
    second: Any = ClockAdapter().get_key(secret)
    assert first.asked_at <= second.asked_at
    assert abs(second.asked_at - timezone.now()) < timedelta(minutes=5)
    assert not second.is_staff


def test_annotations_cost_no_further_query(issue_key: Any, django_assert_num_queries: Any) -> None:
    _, secret = issue_key()
    with django_assert_num_queries(1):
        key = ClockAdapter().get_key(secret)
        assert key.user.username == "alice"


class JoiningAdapter(ModelKeyAdapter):
    """Loads the creator too."""

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("user", "created_by")


class NarrowAdapter(ModelKeyAdapter):
    """Loads the columns that it uses."""

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("user").only("digest", "name", "user__username")


class PrefetchingAdapter(ModelKeyAdapter):
    """Loads the groups of the user."""

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().prefetch_related("user__groups")


@pytest.mark.parametrize(
    ("adapter", "path", "queries"),
    [
        (JoiningAdapter, "created_by", 1),
        (NarrowAdapter, "user.username", 1),
        (PrefetchingAdapter, "user.groups.all", 2),
    ],
)
def test_queryset_of_host_loads_what_it_says(
    adapter: type[ModelKeyAdapter], path: str, queries: int, issue_key: Any, django_assert_num_queries: Any
) -> None:
    _, secret = issue_key(created_by=make_user(is_superuser=True))
    with django_assert_num_queries(queries):
        value = adapter().get_key(secret)
        for name in path.split("."):
            value = getattr(value, name)
        if callable(value):
            list(value())


def use(settings: Any, adapter: type[ModelKeyAdapter]) -> None:
    settings.THREADLESS = {**settings.THREADLESS, "KEY_ADAPTER": adapter}


@pytest.mark.parametrize("adapter", [ModelKeyAdapter, ClockAdapter])
def test_check_is_silent_about_lookup_that_is_compiled_once(adapter: type[ModelKeyAdapter], settings: Any) -> None:
    use(settings, adapter)
    assert check_key_lookup() == []


def test_check_warns_of_queryset_that_is_compiled_at_each_call(settings: Any) -> None:
    use(settings, MaturedKeyAdapter)
    [message] = check_key_lookup()
    assert message.id == "threadless.W020"
    assert "MaturedKeyAdapter.get_queryset()" in message.msg


def test_check_warns_of_manager_that_changes_queries(settings: Any) -> None:
    settings.THREADLESS_API_KEY_MODEL = "testapp.TenantKey"
    [message] = check_key_lookup()
    assert "TenantManager" in message.msg


def test_check_leaves_key_model_that_does_not_exist_to_others(settings: Any) -> None:
    settings.THREADLESS_API_KEY_MODEL = "nowhere.Key"
    assert check_key_lookup() == []


@pytest.mark.parametrize("adapter", [ModelKeyAdapter, JoiningAdapter], ids=["compiled once", "compiled each time"])
def test_previous_secret_works_until_its_time(adapter: type[ModelKeyAdapter], issue_key: Any) -> None:
    key, old = issue_key()
    rotated = datetime(2030, 1, 1, tzinfo=UTC)
    with time_machine.travel(rotated, tick=False):
        new = key.rotate(timedelta(hours=1))
    with time_machine.travel(rotated + timedelta(minutes=59), tick=False):
        assert {adapter().get_key(secret).pk for secret in (old, new)} == {key.pk}
    with time_machine.travel(rotated + timedelta(hours=1), tick=False):
        assert adapter().get_key(new).pk == key.pk
        with pytest.raises(NotAuthenticated, match="Incorrect"):
            adapter().get_key(old)


def test_key_rotated_without_grace_refuses_previous_secret(issue_key: Any) -> None:
    key, old = issue_key()
    new = key.rotate()
    ModelKeyAdapter().authenticate(new)
    with pytest.raises(NotAuthenticated):
        ModelKeyAdapter().authenticate(old)


def test_rotation_keeps_hint_of_new_secret(issue_key: Any) -> None:
    key, _ = issue_key()
    new = key.rotate()
    key.refresh_from_db()
    assert key.last4 == new[-4:]


def test_rotated_key_that_is_revoked_refuses_both_secrets(issue_key: Any) -> None:
    key, old = issue_key()
    new = key.rotate(timedelta(hours=1))
    key.revoke()
    for secret in (old, new):
        with pytest.raises(NotAuthenticated, match="revoked"):
            ModelKeyAdapter().authenticate(secret)


def test_lookup_by_either_digest_is_one_query(issue_key: Any, django_assert_num_queries: Any) -> None:
    key, old = issue_key(last_used_at=timezone.now())
    new = key.rotate(timedelta(hours=1))
    for secret in (old, new):
        with django_assert_num_queries(1):
            ModelKeyAdapter().authenticate(secret)
    assert APIKey.objects.count() == 1
