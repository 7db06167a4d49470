"""Two customers with their own schemas, whose tables each test finds empty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection
from django_tenants.utils import tenant_context

from tests.hosts.schemas.customers.models import Customer, Domain
from tests.support import factories
from threadless.budgets import known
from threadless.budgets.models import Budget
from threadless.calls.running import wait_for_calls
from threadless.models import APIKey, UsageRecord
from threadless.testing import CompletionClient, read_events, use_dummy_backend

HOSTS: Final = {"north": "localhost", "south": "south.example"}


class Tenant:
    """A customer with a key. Its user and its key have the primary keys of those of the other customer."""

    def __init__(self, customer: Any) -> None:
        self.customer, self.host = customer, HOSTS[customer.schema_name]
        with tenant_context(customer):
            for model in (Budget, UsageRecord, APIKey, get_user_model()):
                model._default_manager.all().delete()
            self.user = factories.make_user("ada", pk=1000, is_staff=True, is_superuser=True)
            self.key, self.secret = factories.make_key(pk=1000, user=self.user)

    def ask(self, secret: str = "", *, is_stream: bool = False) -> int:
        """The status of one call."""
        client = CompletionClient(secret or self.secret, SERVER_NAME=self.host)
        with use_dummy_backend():
            response = client.complete("small", "Hello", stream=is_stream)
            if is_stream and response.streaming:
                assert read_events(response).is_done
        assert wait_for_calls(10)
        return int(response.status_code)

    @property
    def states(self) -> list[str]:
        """The states of the calls of this customer."""
        with tenant_context(self.customer):
            return list(UsageRecord.objects.values_list("state", flat=True))


@pytest.fixture
def tenants(transactional_db: None) -> Iterator[list[Tenant]]:
    cache.clear()
    known.forget()
    yield [Tenant(make_customer(name)) for name in HOSTS]
    django_tenants_connection: Any = connection
    django_tenants_connection.set_schema_to_public()


def make_customer(name: str) -> Customer:
    """A customer. Its schema is made once: other tests keep it, because they empty the shared tables only."""
    customer = Customer.objects.create(schema_name=name, name=name)
    Domain.objects.create(tenant=customer, domain=HOSTS[name], is_primary=True)
    return customer


@pytest.fixture
def north(tenants: list[Tenant]) -> Tenant:
    return tenants[0]


@pytest.fixture
def south(tenants: list[Tenant]) -> Tenant:
    return tenants[1]
