"""Whose usage a key may read: its own, or with a scope that of its account."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command

from tests.reports.ledgers import at
from tests.self_service.test_usage import AccountAdapter, calls, usage
from tests.support import factories
from tests.support.fixtures import Configure
from threadless.keys.scopes import known_scopes, scopes_of

pytestmark = pytest.mark.django_db

QUERY = "start=2026-11-20&end=2026-11-21&group_by=api_key_id"


@pytest.fixture
def keys(configure: Configure) -> dict[str, tuple[Any, str]]:
    """Keys with one call each: two of one account, one of which may read its usage; one of another; one of none."""
    configure(KEY_ADAPTER=AccountAdapter)
    owner = factories.make_user()
    keys = {
        "reader": factories.make_key(note="acme", scopes=["USAGE:READ"], user=owner),
        "plain": factories.make_key(note="acme"),
        "other": factories.make_key(note="globex", scopes=["USAGE:READ"]),
        "alone": factories.make_key(scopes=["USAGE:READ"], user=owner),
    }
    for key, _ in keys.values():
        at("2026-11-20T08:00:00+00:00", key_id=str(key.pk), account=key.note, user_id=key.user_id)
    return keys


def read(keys: dict[str, tuple[Any, str]], name: str, query: str = "") -> set[str]:
    """The names of the keys whose usage this key reads."""
    found = {key_id for _, key_id in calls(keys[name][1], QUERY + query, "api_key_id")}
    return {each for each, (key, _) in keys.items() if str(key.pk) in found}


def test_key_reads_its_own_usage(keys: Any) -> None:
    assert read(keys, "plain") == {"plain"}


def test_key_with_the_scope_reads_the_usage_of_its_account(keys: Any) -> None:
    assert read(keys, "reader") == {"reader", "plain"}
    assert read(keys, "other") == {"other"}


def test_key_with_the_scope_but_without_an_account_reads_the_usage_of_its_user(keys: Any) -> None:
    assert read(keys, "alone") == {"alone", "reader"}


def test_filters_narrow_what_may_be_read(keys: Any) -> None:
    assert read(keys, "reader", f"&api_key_ids={keys['plain'][0].pk}") == {"plain"}
    assert read(keys, "reader", f"&user_ids={keys['reader'][0].user_id}") == {"reader"}
    assert read(keys, "plain", f"&api_key_ids[]={keys['plain'][0].pk}") == {"plain"}


@pytest.mark.parametrize("name", ["reader", "alone"])
def test_filters_never_widen_what_may_be_read(keys: Any, name: str) -> None:
    assert read(keys, name, f"&api_key_ids={keys['other'][0].pk}") == set()
    assert read(keys, name, f"&user_ids={keys['other'][0].user_id}") == set()
    assert read(keys, name, "&user_ids=nobody") == set()


def test_key_without_the_scope_cannot_ask_for_other_keys(keys: Any) -> None:
    response = usage(keys["plain"][1], f"{QUERY}&api_key_ids={keys['reader'][0].pk}")
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (403, "insufficient_scope", "api_key_ids")
    assert "USAGE:READ" in error["message"]


def test_scope_is_known_and_follows_from_a_permission() -> None:
    assert list(known_scopes()) == ["CHATS:WRITE", "USAGE:READ"]
    permission = Permission.objects.get(codename="read_account_usage")
    person = factories.make_user()
    assert "USAGE:READ" not in scopes_of(person)
    person = type(person).objects.get(pk=person.pk)  # without its cached permissions
    person.user_permissions.add(permission)
    assert "USAGE:READ" in scopes_of(person)


def test_host_may_describe_the_scope_and_choose_its_permission(configure: Configure) -> None:
    configure(
        SCOPES={"CHATS:WRITE": "Chat.", "USAGE:READ": "Costs."}, SCOPE_PERMISSIONS={"USAGE:READ": "auth.add_user"}
    )
    assert known_scopes()["USAGE:READ"] == "Costs."
    assert "USAGE:READ" not in scopes_of(factories.make_user())


def test_command_knows_the_scope(capsys: pytest.CaptureFixture[str]) -> None:
    factories.make_user("alice")
    call_command("create_api_key", user="alice", name="reports", scope=["USAGE:READ"])
    secret = capsys.readouterr().out.strip()
    assert usage(secret, QUERY).status_code == 200
