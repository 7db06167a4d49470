"""The pages on which customers create, rotate and revoke their keys."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.support import factories
from tests.support.fixtures import Configure
from threadless.keys.adapters import BaseKeyAdapter, ModelKeyAdapter
from threadless.keys.models import APIKey
from threadless.testing import CompletionClient

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.self_service.urls")]

LIST = "/account/api/"
SECRET = re.compile(r"tl_[A-Za-z0-9]{32}_[A-Za-z0-9]{6}")


@pytest.fixture
def person() -> Any:
    """A customer who may send chats."""
    return factories.make_user("ada", permissions=("write_chats",))


@pytest.fixture
def page(client: Client, person: Any, settings: Any) -> Client:
    """Signed in."""
    settings.LOGIN_URL = "login"
    client.force_login(person)
    return client


def nonce(page: Client, path: str) -> str:
    """The hidden field of the form at this path."""
    found = re.search(r'name="nonce" value="(\w+)"', page.get(path).content.decode())
    assert found is not None
    return found[1]


def form(page: Client, **fields: Any) -> dict[str, Any]:
    """The fields of a new key, as a browser sends them."""
    return {
        "name": "laptop",
        "scopes": ["CHATS:WRITE"],
        "expires": "30",
        "nonce": nonce(page, f"{LIST}create/"),
    } | fields


def text(response: Any) -> str:
    """The page."""
    return response.content.decode()


@pytest.mark.parametrize("path", ["", "create/", "keys/1/rotate/", "keys/1/revoke/", "usage/", "models/", "guide/"])
def test_stranger_is_led_to_the_login_page(client: Client, settings: Any, path: str) -> None:
    settings.LOGIN_URL = "login"
    for response in (client.get(LIST + path), client.post(LIST + path)):
        assert response.status_code == 302
        assert response["Location"].startswith("/login/?next=/account/api/")


def test_created_key_is_shown_once_and_works(page: Client, person: Any) -> None:
    response = page.post(f"{LIST}create/", form(page))
    (secret,) = set(SECRET.findall(text(response)))
    assert CompletionClient(secret).complete("small", "Hi").status_code == 200
    key = APIKey.objects.get()
    assert (key.name, key.user, key.created_by, key.scopes, key.allowed_models) == (
        *("laptop", person, person, ["CHATS:WRITE"], None),
    )
    assert timedelta(days=29) < key.expires_at - timezone.now() <= timedelta(days=30)
    assert not SECRET.search(text(page.get(LIST)))
    assert secret not in str(dict(page.session))


def test_page_with_a_secret_is_not_stored_by_any_cache(page: Client) -> None:
    response = page.post(f"{LIST}create/", form(page))
    assert response["Cache-Control"] == "private, no-store"
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_form_that_is_sent_twice_makes_one_key(page: Client) -> None:
    fields = form(page)
    page.post(f"{LIST}create/", fields)
    response = page.post(f"{LIST}create/", fields, follow=True)
    assert "already been sent" in text(response)
    assert APIKey.objects.count() == 1


def test_limits_and_models_of_the_form_are_those_of_the_key(page: Client, configure: Configure) -> None:
    configure(MODELS={"small": {"model": "a"}, "large": {"model": "b"}})
    fields = form(page, allowed_models=["small"], requests_per_minute="5", expires="never")
    page.post(f"{LIST}create/", fields)
    key = APIKey.objects.get()
    assert (key.allowed_models, key.requests_per_minute, key.expires_at) == (["small"], 5, None)
    assert (key.tokens_per_minute, key.concurrent_calls) == (None, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"scopes": ["USAGE:READ"]},
        {"scopes": []},
        {"allowed_models": ["secret-model"]},
        {"requests_per_minute": "61"},
        {"requests_per_minute": "0"},
        {"concurrent_calls": "51"},
        {"expires": "7"},
        {"name": ""},
    ],
    ids=str,
)
def test_key_never_has_more_rights_than_its_creator(page: Client, configure: Configure, fields: dict[str, Any]) -> None:
    configure(REQUESTS_PER_MINUTE=60)
    response = page.post(f"{LIST}create/", form(page, **fields))
    assert response.status_code == 422
    assert "Please correct" in text(response)
    assert not APIKey.objects.exists()


def test_customer_without_a_scope_is_offered_none(client: Client) -> None:
    client.force_login(factories.make_user())
    assert "may not create keys" in text(client.get(LIST))
    assert client.post(f"{LIST}create/", form(client)).status_code == 422


def test_host_may_require_an_expiry(page: Client, configure: Configure) -> None:
    configure(MAX_KEY_DAYS=60)
    assert page.post(f"{LIST}create/", form(page, expires="never")).status_code == 422
    assert page.post(f"{LIST}create/", form(page, expires="90")).status_code == 422
    page.post(f"{LIST}create/", form(page, expires="60"))
    assert APIKey.objects.get().expires_at is not None


def test_rotated_key_has_a_new_secret_and_the_same_id(page: Client, person: Any) -> None:
    key, old = factories.make_key(user=person)
    path = f"{LIST}keys/{key.pk}/rotate/"
    (new,) = set(SECRET.findall(text(page.post(path, {"overlap": "24", "nonce": nonce(page, path)}))))
    assert [CompletionClient(secret).complete("small", "Hi").status_code for secret in (old, new)] == [200, 200]
    assert APIKey.objects.get().pk == key.pk
    assert "rotating" in text(page.get(LIST))


def test_old_secret_may_end_at_once(page: Client, person: Any) -> None:
    key, old = factories.make_key(user=person)
    path = f"{LIST}keys/{key.pk}/rotate/"
    page.post(path, {"overlap": "0", "nonce": nonce(page, path)})
    assert CompletionClient(old).complete("small", "Hi").status_code == 401


def test_rotation_that_is_sent_twice_happens_once(page: Client, person: Any) -> None:
    key, _ = factories.make_key(user=person)
    path = f"{LIST}keys/{key.pk}/rotate/"
    fields = {"overlap": "24", "nonce": nonce(page, path)}
    page.post(path, fields)
    digest = APIKey.objects.get().digest
    page.post(path, fields)
    assert APIKey.objects.get().digest == digest


@pytest.mark.parametrize("fields", [{"scopes": ["USAGE:READ"]}, {"revoked_at": timezone.now()}], ids=["scope", "ended"])
def test_key_beyond_the_rights_of_its_user_is_not_rotated(page: Client, person: Any, fields: dict[str, Any]) -> None:
    key, _ = factories.make_key(user=person, **fields)
    path = f"{LIST}keys/{key.pk}/rotate/"
    response = page.post(path, {"overlap": "24", "nonce": nonce(page, path)}, follow=True)
    assert not SECRET.search(text(response))
    assert APIKey.objects.get().digest == key.digest


def test_revoked_key_is_refused_from_then_on(page: Client, person: Any) -> None:
    key, secret = factories.make_key(user=person)
    assert "cannot be undone" in text(page.get(f"{LIST}keys/{key.pk}/revoke/"))
    response = page.post(f"{LIST}keys/{key.pk}/revoke/", follow=True)
    assert "has been revoked" in text(response)
    assert CompletionClient(secret).complete("small", "Hi").status_code == 401


@pytest.mark.parametrize("action", ["rotate", "revoke"])
@pytest.mark.parametrize("number", ["", "x", "0"])
def test_keys_of_others_do_not_exist(page: Client, action: str, number: str) -> None:
    key, secret = factories.make_key()
    path = f"{LIST}keys/{number or key.pk}/{action}/"
    assert page.get(path).status_code == 404
    assert page.post(path, {"overlap": "0", "nonce": "1"}).status_code == 404
    assert CompletionClient(secret).complete("small", "Hi").status_code == 200
    assert "laptop" not in text(page.get(LIST))


def test_list_says_what_is_wrong_with_a_key(page: Client, person: Any) -> None:
    now = timezone.now()
    wanted: dict[str, dict[str, Any]] = {
        "active": {},
        "expires soon": {"expires_at": now + timedelta(days=2)},
        "no scope": {"scopes": []},
        "expired": {"expires_at": now - timedelta(days=2)},
        "revoked": {"revoked_at": now},
    }
    for name, fields in wanted.items():
        factories.make_key(user=person, name=f"<{name}>", **fields)
    rows = re.findall(r"&lt;([\w ]+)&gt;<br>.*?class=\"badge \w+\">([\w ]+)<", text(page.get(LIST)), re.DOTALL)
    assert len(rows) == 5
    assert all(name == label for name, label in rows)
    assert {rows[-1][0], rows[-2][0]} == {"expired", "revoked"}


class OtherKeys(BaseKeyAdapter):
    """The keys of another package."""

    authenticate = ModelKeyAdapter.authenticate


def test_platform_with_other_keys_has_no_pages_for_ours(page: Client, configure: Configure) -> None:
    configure(KEY_ADAPTER=OtherKeys)
    assert page.get(LIST).status_code == 404


def test_forms_are_protected_against_other_sites(person: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    assert client.post(f"{LIST}create/", {"name": "x"}).status_code == 403
