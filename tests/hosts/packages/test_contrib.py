"""The adapters for other key packages, each with the real package; absent ones are skipped by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.support import factories
from tests.support.fixtures import Configure, IssueKey
from threadless.models import UsageRecord

ABOUT_NOW = timedelta(seconds=1)


def ask(secret: str, scheme: str = "Bearer", **headers: str) -> Any:
    """One completion."""
    body = json.dumps({"model": "small", "messages": [{"role": "user", "content": "Hello"}]})
    headers = {"Authorization": f"{scheme} {secret}", **headers}
    return Client().post("/api/v1/chat/completions", body, content_type="application/json", headers=headers)


def refusal(response: Any) -> tuple[int, str]:
    """Status and code of a refusal, in the form of the OpenAI API."""
    return response.status_code, response.json()["error"]["code"]


# djangorestframework-api-key


@pytest.fixture
def api_keys(db: None, configure: Configure) -> Any:
    """The package's key manager."""
    models = pytest.importorskip("rest_framework_api_key.models")
    configure(KEY_ADAPTER="threadless.contrib.rest_framework_api_key.APIKeyAdapter")
    return models.APIKey.objects


def test_api_key_answers_and_leaves_no_hash_in_the_ledger(api_keys: Any) -> None:
    key, secret = api_keys.create_key(name="partner")
    assert ask(secret).status_code == 200
    row = UsageRecord.objects.get()
    assert (row.key_id, row.key_label, row.user_id) == (key.prefix, "partner", None)


@pytest.mark.parametrize("fields", [{"revoked": True}, {"expiry_date": timezone.now() - ABOUT_NOW}])
def test_api_key_that_is_over_is_refused(api_keys: Any, fields: Any) -> None:
    _, secret = api_keys.create_key(name="partner", **fields)
    assert refusal(ask(secret)) == (401, "invalid_api_key")


@pytest.mark.parametrize("secret", ["nonsense", "abcdefgh.nothing", "."])
def test_unknown_api_key_is_refused(api_keys: Any, secret: str) -> None:
    assert refusal(ask(secret)) == (401, "invalid_api_key")


def adapter_for(key: Any) -> type:
    """An adapter of a host that has extended the package's model."""
    from threadless.contrib.rest_framework_api_key import APIKeyAdapter  # wants the package

    class Gone(Exception):
        pass

    manager = SimpleNamespace(get_from_key=lambda secret: key)
    return type("HostAdapter", (APIKeyAdapter,), {"model": SimpleNamespace(objects=manager, DoesNotExist=Gone)})


def test_api_key_of_an_extended_model_has_its_own_user_and_scopes(
    api_keys: Any, configure: Configure, user: Any
) -> None:
    key = SimpleNamespace(has_expired=False, user=user, scopes=["CHATS:WRITE"], prefix="abc", name="mine")
    configure(KEY_ADAPTER=adapter_for(key))
    assert ask("any").status_code == 200
    assert UsageRecord.objects.get().user_id == user.pk
    key.scopes = []
    assert refusal(ask("any")) == (403, "insufficient_scope")
    user.is_active = False
    assert refusal(ask("any")) == (401, "invalid_api_key")


# django-rest-knox


@pytest.fixture
def knox_token(db: None, configure: Configure) -> Callable[..., Any]:
    """Makes a token of a user with these permissions."""
    models = pytest.importorskip("knox.models")
    configure(KEY_ADAPTER="threadless.contrib.knox.KnoxKeyAdapter")

    def make(*permissions: str, **fields: Any) -> Any:
        user = factories.make_user(permissions=permissions)
        return models.AuthToken.objects.create(user=user, **fields)

    return make


def test_knox_token_may_do_what_its_user_may(knox_token: Callable[..., Any]) -> None:
    token, secret = knox_token("write_chats")
    assert ask(secret).status_code == 200
    row = UsageRecord.objects.get()
    assert (row.user_id, row.key_id) == (token.user_id, token.token_key)


def test_knox_token_of_a_user_without_the_permission_lacks_the_scope(knox_token: Callable[..., Any]) -> None:
    assert refusal(ask(knox_token()[1])) == (403, "insufficient_scope")


def test_knox_token_that_has_expired_or_is_unknown_is_refused(knox_token: Callable[..., Any]) -> None:
    _, secret = knox_token("write_chats", expiry=-ABOUT_NOW)
    assert refusal(ask(secret)) == (401, "invalid_api_key")
    assert refusal(ask("nonsense")) == (401, "invalid_api_key")


# djangorestframework-simplejwt


@pytest.fixture
def web_token(user: Any, configure: Configure) -> Callable[..., str]:
    """Makes a token of `user` with these claims."""
    tokens = pytest.importorskip("rest_framework_simplejwt.tokens")
    configure(KEY_ADAPTER="threadless.contrib.rest_framework_simplejwt.JWTAdapter")

    def make(lifetime: timedelta = timedelta(minutes=5), **claims: Any) -> Any:
        token = tokens.AccessToken.for_user(user)
        token.set_exp(lifetime=lifetime)
        token.payload |= claims
        return str(token)

    return make


@pytest.mark.parametrize("claim", ["READ CHATS:WRITE", ["CHATS:WRITE"]])
def test_web_token_has_the_scopes_of_its_claim(
    web_token: Callable[..., str], user: Any, claim: str | list[str]
) -> None:
    assert ask(web_token(scope=claim)).status_code == 200
    assert UsageRecord.objects.get().user_id == user.pk


def test_web_token_without_the_claim_has_no_scope(web_token: Callable[..., str]) -> None:
    assert refusal(ask(web_token())) == (403, "insufficient_scope")


def test_web_token_that_has_expired_or_is_forged_is_refused(web_token: Callable[..., str]) -> None:
    expired = web_token(lifetime=-ABOUT_NOW, scope="CHATS:WRITE")
    assert refusal(ask(expired)) == (401, "invalid_api_key")
    assert refusal(ask(web_token(scope="CHATS:WRITE")[:-4] + "AAAA")) == (401, "invalid_api_key")


def test_web_token_of_an_inactive_user_is_refused(web_token: Callable[..., str], user: Any) -> None:
    secret = web_token(scope="CHATS:WRITE")
    user.is_active = False
    user.save()
    assert refusal(ask(secret)) == (401, "invalid_api_key")


# django-oauth-toolkit


@pytest.fixture
def access_token(db: None, configure: Configure) -> Callable[..., Any]:
    """Makes an access token of an application."""
    models = pytest.importorskip("oauth2_provider.models")
    both = ["contrib.oauth2_provider.OAuth2TokenAuthentication", "api.authentication.KeyAuthentication"]
    configure(AUTHENTICATION_CLASSES=[f"threadless.{name}" for name in both])

    def make(user: Any = None, scope: str = "CHATS:WRITE", lifetime: timedelta = timedelta(minutes=5)) -> Any:
        application = models.Application.objects.create(
            name="robot", client_type="confidential", authorization_grant_type="client-credentials"
        )
        return models.AccessToken.objects.create(
            user=user, application=application, scope=scope, expires=timezone.now() + lifetime, token="opaque-token"
        )

    return make


def test_access_token_of_a_user_answers(access_token: Callable[..., Any], user: Any) -> None:
    token = access_token(user)
    assert ask(token.token).status_code == 200
    row = UsageRecord.objects.get()
    assert (row.user_id, row.key_label) == (user.pk, "robot")
    assert row.key_id == f"oauth-{token.application_id}-{user.pk}"


def test_access_token_of_an_application_answers_without_a_user(access_token: Callable[..., Any]) -> None:
    assert ask(access_token().token).status_code == 200
    assert UsageRecord.objects.get().user_id is None


def test_access_token_in_the_address_is_not_accepted(access_token: Callable[..., Any], user: Any) -> None:
    token = access_token(user).token
    assert refusal(Client().get(f"/api/v1/models?access_token={token}")) == (401, "invalid_api_key")


def test_access_token_without_the_scope_is_refused(access_token: Callable[..., Any], user: Any) -> None:
    assert refusal(ask(access_token(user, scope="READ").token)) == (403, "insufficient_scope")


def test_expired_access_token_is_refused_by_the_next_class(
    access_token: Callable[..., Any],
) -> None:
    assert refusal(ask(access_token(lifetime=-ABOUT_NOW).token)) == (401, "invalid_api_key")


def test_access_token_of_an_inactive_user_is_refused(access_token: Callable[..., Any], user: Any) -> None:
    user.is_active = False
    user.save()
    assert refusal(ask(access_token(user).token)) == (401, "invalid_api_key")


def test_access_tokens_and_own_keys_work_side_by_side(access_token: Callable[..., Any], issue_key: IssueKey) -> None:
    access_token()
    assert ask(issue_key()[1]).status_code == 200


def test_access_token_is_not_looked_for_in_a_body(access_token: Callable[..., Any]) -> None:
    token = access_token().token
    form = {"access_token": token}
    response = Client().post("/api/v1/chat/completions", form)
    assert refusal(response) == (401, "invalid_api_key")
