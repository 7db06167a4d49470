"""Two tenants with the same primary keys: what one of them has and does is nothing to the other."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.core.cache import cache
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import Client

from tests.hosts.tenants import routing
from tests.support import factories
from tests.support.host_pages import listed_calls, make_key
from threadless.budgets import api
from threadless.calls.running import wait_for_calls
from threadless.doctor.storage import check_database
from threadless.keys.models import APIKey
from threadless.models import UsageRecord
from threadless.testing import CompletionClient, read_events, use_dummy_backend

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "south", "replica"])
HOSTS: Final = {"default": "north.example", "south": "south.example"}


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


class Tenant:
    """A tenant with a key. Its user and its key have the primary keys of those of the other tenant."""

    def __init__(self, database: str, **fields: Any) -> None:
        self.database, self.host = database, HOSTS[database]
        with routing.tenant(database):
            self.user = factories.make_user(f"admin-{database}", pk=1000, is_staff=True, is_superuser=True)
            self.key, self.secret = factories.make_key(pk=1000, user=self.user, **fields)

    def client(self, secret: str = "") -> CompletionClient:
        return CompletionClient(secret or self.secret, SERVER_NAME=self.host)

    def ask(self, secret: str = "", *, is_stream: bool = False) -> int:
        with use_dummy_backend():
            response = self.client(secret).complete("small", "Hello", stream=is_stream)
            if is_stream and response.streaming:
                assert read_events(response).is_done
        assert wait_for_calls(10)
        return int(response.status_code)

    @property
    def states(self) -> list[str]:
        return list(UsageRecord.objects.using(self.database).values_list("state", flat=True))


@pytest.fixture
def north() -> Tenant:
    return Tenant("default")


@pytest.fixture
def south() -> Tenant:
    return Tenant("south")


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_row_is_in_the_database_of_the_tenant(north: Tenant, south: Tenant, is_stream: bool) -> None:
    assert south.ask(is_stream=is_stream) == 200
    assert (north.states, south.states) == ([], ["completed"])
    assert north.ask(is_stream=is_stream) == 200
    assert (north.states, south.states) == (["completed"], ["completed"])


def test_key_of_one_tenant_is_unknown_to_the_other(north: Tenant, south: Tenant) -> None:
    assert north.ask(south.secret) == south.ask(north.secret) == 401


def test_new_key_works_at_once_although_the_platform_reads_from_a_replica(north: Tenant) -> None:
    assert north.ask() == 200
    assert APIKey.objects.using("default").get().last_used_at is not None
    assert not [finding for finding in check_database() if "read from" in finding.what]


@pytest.mark.parametrize("limit", ["requests_per_minute", "concurrent_calls"])
def test_limit_of_a_key_is_counted_for_its_tenant_alone(limit: str) -> None:
    fields = {limit: 1}
    north, south = Tenant("default", **fields), Tenant("south", **fields)
    assert [north.ask(), south.ask()] == [200, 200]
    if limit == "requests_per_minute":
        assert [north.ask(), south.ask()] == [429, 429]


def test_budget_of_a_key_belongs_to_its_tenant_alone(north: Tenant, south: Tenant) -> None:
    with routing.tenant("south"):
        api.set_budget(api.key(south.key.pk), unit="calls", period="day", limit=1)
    assert [south.ask(), south.ask(), north.ask(), north.ask()] == [200, 429, 200, 200]


def test_keys_are_made_and_calls_listed_in_the_admin_of_the_tenant(north: Tenant, south: Tenant) -> None:
    client = signed_in_at(south)
    assert south.ask(make_key(client, south.user)) == 200
    assert "small" in listed_calls(client)
    assert "small" not in listed_calls(signed_in_at(north))


def signed_in_at(tenant: Tenant) -> Client:
    client = Client(SERVER_NAME=tenant.host)
    with routing.tenant(tenant.database):
        client.force_login(tenant.user)
    return client


def test_checks_and_migrations_are_right_for_each_database() -> None:
    assert [each for each in run_checks() if str(each.id).startswith("threadless.E")] == []
    for database in HOSTS:
        call_command("migrate", database=database, check_unapplied=True, verbosity=0)
