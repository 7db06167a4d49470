"""Two customers with the same primary keys: what one of them has and does is nothing to the other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import ManagementUtility
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from tests.hosts.schemas.customers import hooks
from tests.support import factories
from tests.support.host_pages import listed_calls, make_key
from threadless.budgets import api
from threadless.models import APIKey
from threadless.usage import retries


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_row_is_in_the_schema_of_the_customer(north: Any, south: Any, is_stream: bool) -> None:
    assert south.ask(is_stream=is_stream) == 200
    assert (north.states, south.states) == ([], ["completed"])
    assert north.ask(is_stream=is_stream) == 200
    assert (north.states, south.states) == (["completed"], ["completed"])


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_settlement_that_failed_is_tried_again_in_the_schema_of_the_customer(south: Any, is_stream: bool) -> None:
    hooks.is_expected.set()
    assert south.ask(is_stream=is_stream) == 200
    assert retries.drain(10)
    assert not hooks.is_expected.is_set()
    assert south.states == ["completed"]


def test_key_of_one_customer_is_unknown_to_the_other(north: Any, south: Any) -> None:
    assert north.ask(south.secret) == south.ask(north.secret) == 401


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("limit", ["requests_per_minute", "tokens_per_minute"])
def test_limit_of_a_key_is_counted_for_its_customer_alone(north: Any, south: Any, limit: str, is_stream: bool) -> None:
    for tenant in (north, south):
        with tenant_context(tenant.customer):
            APIKey.objects.update(**{limit: 1})
    assert [tenant.ask(is_stream=is_stream) for tenant in (north, south, north, south)] == [200, 200, 429, 429]


def test_budget_of_a_key_belongs_to_its_customer_alone(north: Any, south: Any) -> None:
    with tenant_context(south.customer):
        api.set_budget(api.key(south.key.pk), "calls", "day", 1)
    assert [tenant.ask() for tenant in (south, south, north, north)] == [200, 429, 200, 200]


def test_keys_are_made_and_calls_listed_in_the_admin_of_the_customer(north: Any, south: Any) -> None:
    assert south.ask(make_key(signed_in(south), south.user)) == 200
    assert "small" in listed_calls(signed_in(south))
    assert "small" not in listed_calls(signed_in(north))


def signed_in(tenant: Any) -> Client:
    client = Client(SERVER_NAME=tenant.host)
    with tenant_context(tenant.customer):
        client.force_login(tenant.user)
    return client


def run(*arguments: str) -> None:
    ManagementUtility(["manage.py", *arguments]).execute()


def test_commands_run_for_one_customer_or_for_all(north: Any, south: Any, capsys: Any) -> None:
    run("tenant_command", "create_api_key", "--schema=south", "--user=ada", "--name=ci", "--scope=CHATS:WRITE")
    secret = capsys.readouterr().out.split()[-1]
    assert (south.ask(secret), north.ask(secret)) == (200, 401)
    for tenant in (north, south):
        with tenant_context(tenant.customer):
            factories.make_record(deadline=timezone.now() - timedelta(minutes=1))
    run("all_tenants_command", "threadless_sweep")
    assert (north.states, sorted(south.states)) == (["interrupted"], ["completed", "interrupted"])


def test_checks_find_nothing_wrong(north: Any) -> None:
    assert [each for each in run_checks() if str(each.id).startswith("threadless.E")] == []
