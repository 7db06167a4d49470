"""What users with a UUID, their e-mail login, languages, local times and a cache of all pages do to keys and calls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.utils import translation

from tests.support import factories
from tests.support.host_pages import listed_calls, make_key
from tests.support.key_admin import page
from threadless.keys.models import APIKey
from threadless.models import UsageRecord
from threadless.testing import CompletionClient, use_dummy_backend

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "password"
FORM = "/de/account/api/create/"


@pytest.fixture(autouse=True)
def empty_cache() -> Any:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ada() -> Any:
    """A user who may send chats."""
    return factories.make_user("ada@example.com", permissions=("write_chats",))


def ask(secret: str) -> UsageRecord:
    with use_dummy_backend():
        assert CompletionClient(secret).complete("small", "Hello").status_code == 200
    return UsageRecord.objects.latest("pk")


def test_row_has_the_uuid_of_the_user_and_the_local_time(ada: Any) -> None:
    row: Any = ask(factories.make_key(user=ada)[1])
    assert (row.user_id, row.user) == (ada.pk, ada)
    assert isinstance(row.user_id, UUID)
    here = datetime.now(ZoneInfo("Pacific/Auckland")).replace(tzinfo=None)
    assert abs(row.opened_at - here) < timedelta(minutes=5)


def test_key_is_made_in_the_shell_by_email_address(ada: Any, capsys: Any) -> None:
    call_command("create_api_key", user=ada.email, name="laptop", scope=["CHATS:WRITE"])
    assert ask(capsys.readouterr().out.strip()).user == ada


@pytest.mark.parametrize("language", ["en", "de"])
def test_keys_are_made_and_calls_listed_in_the_admin(admin_client: Client, ada: Any, language: str) -> None:
    with translation.override(language):
        add = page("add")
    assert add.startswith(f"/{language}/admin/")
    ask(make_key(admin_client, ada, add))
    assert "small" in listed_calls(admin_client)


def test_own_pages_ask_for_the_email_login_and_make_a_key(ada: Any) -> None:
    client = Client()
    login = client.get(FORM)["Location"]
    assert login == f"/de/accounts/login/?next={FORM}"
    assert client.post(login, {"login": ada.email, "password": PASSWORD})["Location"] == FORM
    nonce = client.get(FORM).context["form"]["nonce"].value()
    response = client.post(FORM, {"name": "mine", "scopes": ["CHATS:WRITE"], "expires": "30", "nonce": nonce})
    assert response.status_code == 200
    assert APIKey.objects.get().user == ada
    assert ask(str(response.context["secret"])).user == ada


def test_cache_of_all_pages_shows_nobody_the_models_of_another_key(ada: Any) -> None:
    names = [["small"], ["large"]]
    secrets = [factories.make_key(user=ada, allowed_models=allowed)[1] for allowed in names]
    assert [CompletionClient(secret).models() for secret in secrets] == names


def test_cache_of_all_pages_does_not_keep_a_key_alive(ada: Any) -> None:
    key, secret = factories.make_key(user=ada)
    assert CompletionClient(secret).models()
    key.delete()
    assert CompletionClient(secret).get("/api/v1/models").status_code == 401


def test_address_of_the_api_has_no_language(ada: Any) -> None:
    _, secret = factories.make_key(user=ada)
    response = CompletionClient(secret).get("/api/v1/models", headers={"Accept-Language": "de"})
    assert response.status_code == 200
    assert CompletionClient(secret).get("/de/api/v1/models").status_code == 404
