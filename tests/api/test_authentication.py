"""Who calls: keys, sessions, and classes of the host's own."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tests.support import factories
from tests.support.fixtures import Configure, IssueKey
from threadless.api.permissions import HasScope
from threadless.models import UsageRecord
from threadless.testing import CompletionClient
from threadless.types import Caller

PATH = "/api/v1/chat/completions"
BODY = json.dumps({"model": "small", "messages": [{"role": "user", "content": "Hello"}]})


def post(client: Client | None = None, /, **headers: str) -> Any:
    """A completion with these headers."""
    return (client or Client()).post(PATH, BODY, content_type="application/json", headers=headers)


def refusal(response: Any) -> tuple[int, str, str]:
    """Status, type and code of a refusal; all four keys are there."""
    error = response.json()["error"]
    assert list(error) == ["message", "type", "param", "code"]
    return response.status_code, error["type"], error["code"]


UNKNOWN = (401, "authentication_error", "invalid_api_key")


# Keys


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "  Bearer", "Bearer  "])
def test_key_answers_in_any_case_of_bearer(issue_key: IssueKey, scheme: str) -> None:
    assert post(Authorization=f"{scheme} {issue_key()[1]} ").status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dTpw", "Bearer nonsense", "Bearer é", "tl_x"])
def test_header_without_a_key_is_refused(db: None, header: str) -> None:
    response = post(Authorization=header)
    assert refusal(response) == UNKNOWN
    assert response["WWW-Authenticate"] == "Bearer"
    assert not UsageRecord.objects.exists()


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"expires_at": timezone.now() - timedelta(seconds=1)}, "expired"), ({"revoked_at": timezone.now()}, "revoked")],
)
def test_key_that_is_over_is_refused_with_the_reason(issue_key: IssueKey, fields: Any, word: str) -> None:
    response = post(Authorization=f"Bearer {issue_key(**fields)[1]}")
    assert refusal(response) == UNKNOWN
    assert word in response.json()["error"]["message"]


def test_key_of_an_inactive_user_is_refused(issue_key: IssueKey, user: Any) -> None:
    user.is_active = False
    user.save()
    assert refusal(post(Authorization=f"Bearer {issue_key()[1]}")) == UNKNOWN


def test_refusal_does_not_repeat_the_secret(issue_key: IssueKey) -> None:
    key, secret = issue_key()
    key.revoke()
    assert secret not in post(Authorization=f"Bearer {secret}").content.decode()


def test_key_wins_over_a_session_and_needs_no_csrf_token(issue_key: IssueKey) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.make_user("somebody-else"))
    key, secret = issue_key()
    assert post(client, Authorization=f"Bearer {secret}").status_code == 200
    assert UsageRecord.objects.get().user_id == key.user_id


def test_call_by_key_makes_no_session(issue_key: IssueKey) -> None:
    response = post(Authorization=f"Bearer {issue_key()[1]}")
    assert not response.cookies
    assert not Session.objects.exists()


# Sessions


@pytest.fixture
def browser(db: None) -> Client:
    """Signed in with the permission, and as strict about CSRF as a real one."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.make_user("bea", permissions=("write_chats",)))
    return client


def token_of(client: Client) -> str:
    """The CSRF token of the page."""
    page = client.get(PATH, headers={"Accept": "text/html"})
    return page.content.decode().split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]


@pytest.mark.parametrize("kept_in_session", [False, True])
def test_session_with_the_token_of_the_page_answers(browser: Client, settings: Settings, kept_in_session: bool) -> None:
    settings.CSRF_USE_SESSIONS = kept_in_session
    assert post(browser, **{"X-CSRFToken": token_of(browser)}).status_code == 200
    row = UsageRecord.objects.get()
    assert (row.user is not None and row.user.username, row.key_id, row.key_label) == ("bea", "", "session")


@pytest.mark.parametrize("headers", [{}, {"X-CSRFToken": "wrong"}])
def test_session_without_the_token_is_refused(browser: Client, headers: dict[str, str]) -> None:
    token_of(browser)
    response = post(browser, **headers)
    assert refusal(response) == (403, "permission_error", "permission_denied")
    assert "CSRF" in response.json()["error"]["message"]


def test_token_in_a_form_does_not_count_and_the_form_stays_unread(browser: Client) -> None:
    response = browser.post(PATH, {"csrfmiddlewaretoken": token_of(browser)})
    assert response.status_code == 403


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_form_of_a_session_is_refused_for_its_type_alone(browser: Client, content_type: str) -> None:
    response = browser.post(PATH, "rubbish", content_type=content_type, headers={"X-CSRFToken": token_of(browser)})
    assert refusal(response) == (415, "invalid_request_error", "unsupported_media_type")


def test_session_of_a_user_without_the_permission_lacks_the_scope(client: Client, user: Any) -> None:
    client.force_login(user)
    assert refusal(post(client)) == (403, "permission_error", "insufficient_scope")


def test_session_of_a_superuser_has_every_scope(client: Client, user: Any) -> None:
    user.is_superuser = True
    user.save()
    client.force_login(user)
    assert post(client).status_code == 200


def test_scope_that_no_permission_gives_is_never_a_sessions(browser: Client, configure: Configure) -> None:
    configure(SCOPE_PERMISSIONS={})
    assert refusal(post(browser, **{"X-CSRFToken": "any"}))[0] == 403


def test_refusal_without_a_key_explains_how_to_send_one(db: None) -> None:
    response = post()
    assert refusal(response) == UNKNOWN
    assert "Bearer YOUR_KEY" in response.json()["error"]["message"]


# Classes of the host's own


class HeaderAuthentication(BaseAuthentication):
    """A host's class that knows nothing of us: it puts its own object in `request.auth`."""

    auth = object()

    def authenticate(self, request: Request) -> Any:
        from django.contrib.auth import get_user_model

        name = request.headers.get("X-User")
        return (get_user_model().objects.get(username=name), self.auth) if name else None


class Badge:
    """What such a class may put there to be understood."""

    def as_caller(self) -> Caller:
        return Caller(user_id=None, key_id="badge-7", label="badge", scopes=frozenset({"CHATS:WRITE"}))


class BadgeAuthentication(HeaderAuthentication):
    """Another one."""

    auth = Badge()


def test_hosts_own_class_counts_like_a_session(configure: Configure, user: Any) -> None:
    configure(AUTHENTICATION_CLASSES=[HeaderAuthentication])
    assert refusal(post(**{"X-User": "alice"}))[2] == "insufficient_scope"
    factories.make_user("bea", permissions=("write_chats",))
    assert post(**{"X-User": "bea"}).status_code == 200


def test_hosts_own_auth_object_may_say_who_calls(configure: Configure, user: Any) -> None:
    configure(AUTHENTICATION_CLASSES=[BadgeAuthentication])
    assert post(**{"X-User": "alice"}).status_code == 200
    assert UsageRecord.objects.get().key_id == "badge-7"


# Scopes


def test_key_without_a_scope_is_refused_with_the_missing_scope(issue_key: IssueKey) -> None:
    response = CompletionClient(issue_key(scopes=[])[1]).complete("small", "Hi")
    assert refusal(response) == (403, "permission_error", "insufficient_scope")
    assert "CHATS:WRITE" in response.json()["error"]["message"]


def test_required_scope_is_the_hosts_word(configure: Configure, issue_key: IssueKey) -> None:
    configure(SCOPES={"llm": "Talk."}, REQUIRED_SCOPE="llm", SCOPE_PERMISSIONS={})
    assert CompletionClient(issue_key(scopes=["llm"])[1]).complete("small", "Hi").status_code == 200
    assert CompletionClient(issue_key()[1]).complete("small", "Hi").status_code == 403


def test_models_own_scope_hides_it_from_other_keys(configure: Configure, issue_key: IssueKey) -> None:
    models = {"small": {"model": "s"}, "big": {"model": "b", "scope": "BIG"}}
    configure(SCOPES={"CHATS:WRITE": "", "BIG": ""}, MODELS=models)
    scopes = (["CHATS:WRITE"], ["CHATS:WRITE", "BIG"])
    plain, both = (CompletionClient(issue_key(scopes=each)[1]) for each in scopes)
    assert (plain.models(), both.models()) == (["small"], ["small", "big"])
    assert refusal(plain.complete("big", "Hi")) == (404, "invalid_request_error", "model_not_found")
    assert both.complete("big", "Hi").status_code == 200


class NotOnSundays(BasePermission):
    """A host's rule, with its own words."""

    message = "Never on Sundays."

    def has_permission(self, request: Request, view: Any) -> bool:
        return "X-Sunday" not in request.headers


@pytest.mark.parametrize("classes", [[HasScope, NotOnSundays], [HasScope & NotOnSundays]])
def test_hosts_own_permission_joins_in_and_keeps_its_words(
    configure: Configure, issue_key: IssueKey, classes: Any
) -> None:
    configure(PERMISSION_CLASSES=classes)
    key = {"Authorization": f"Bearer {issue_key()[1]}"}
    assert post(**key).status_code == 200
    response = post(**key, **{"X-Sunday": "yes"})
    assert refusal(response) == (403, "permission_error", "permission_denied")
