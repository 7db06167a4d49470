"""The staff issue, narrow and revoke keys, within their own rights."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import path, reverse
from django.utils import timezone

from tests.support.factories import make_key, make_user
from threadless.keys import secrets
from threadless.keys.models import APIKey

pytestmark = pytest.mark.django_db

LIST = "/admin/threadless/apikey/"
ADD = f"{LIST}add/"


def change_of(key: APIKey) -> str:
    return f"{LIST}{key.pk}/change/"


def fields(user: Any, **others: Any) -> dict[str, Any]:
    return {"name": "laptop", "user": user.pk, "scopes": ["CHATS:WRITE"], "allowed_models": ""} | others


def staff_client(*codenames: str) -> Client:
    """A client signed in as staff who may do all to keys, and what these permissions say."""
    keys = ("add_apikey", "change_apikey", "view_apikey", "delete_apikey")
    client = Client()
    client.force_login(make_user(permissions=(*keys, *codenames), is_staff=True))
    return client


def test_key_added_is_saved_as_digest_with_its_creator(admin_client: Client, admin_user: Any, user: Any) -> None:
    response = admin_client.post(ADD, fields(user))
    key = APIKey.objects.get()
    assert key.digest == secrets.digest(str(response.context["secret"]))
    assert (key.user, key.created_by, key.scopes) == (user, admin_user, ["CHATS:WRITE"])


def test_key_for_superuser_by_other_staff_is_refused(admin_user: Any) -> None:
    response = staff_client("write_chats").post(ADD, fields(admin_user))
    assert "Only a superuser can make a key for a superuser." in response.content.decode()
    assert not APIKey.objects.exists()


def test_key_added_is_shown_once_and_not_stored_by_browsers(admin_client: Client, user: Any) -> None:
    response = admin_client.post(ADD, fields(user))
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert str(response.context["secret"]) in response.content.decode()


def test_key_added_leaves_secret_nowhere(admin_client: Client, user: Any, caplog: Any) -> None:
    secret = str(admin_client.post(ADD, fields(user)).context["secret"])
    pages = [admin_client.get(url).content.decode() for url in (LIST, change_of(APIKey.objects.get()), "/admin/")]
    stored = [
        *LogEntry.objects.values(),
        *APIKey.objects.values(),
        *(session.get_decoded() for session in Session.objects.all()),
    ]
    assert secret not in str(pages) + str(stored) + caplog.text


def test_secret_between_saving_and_showing_has_no_repr(admin_client: Client, user: Any) -> None:
    context = admin_client.post(ADD, fields(user)).context
    assert str(context["secret"]) not in repr(context["secret"])


def test_page_of_new_key_says_how_to_use_it(admin_client: Client, user: Any) -> None:
    content = admin_client.post(ADD, fields(user, allowed_models="o'model")).content.decode()
    assert "OPENAI_BASE_URL=http://testserver/api/v1\n" in content
    assert "curl &quot;$OPENAI_BASE_URL/chat/completions&quot;" in content


class WithoutAPI:
    """Routes of a host that has not plugged the endpoints in."""

    urlpatterns = [path("admin/", admin.site.urls)]


def test_page_of_new_key_without_endpoints_shows_key_alone(admin_client: Client, user: Any, settings: Any) -> None:
    settings.ROOT_URLCONF = WithoutAPI
    response = admin_client.post(ADD, fields(user))
    assert str(response.context["secret"]) in response.content.decode()
    assert "curl" not in response.content.decode()


@pytest.mark.parametrize("url", [LIST, ADD])
def test_pages_hold_no_script_or_style_inline(admin_client: Client, user: Any, url: str) -> None:
    content = (
        admin_client.post(ADD, fields(user)).content.decode() if url == ADD else admin_client.get(url).content.decode()
    )
    assert "<script>" not in content
    assert "<style" not in content
    assert re.findall(r'(?:src|href)="(?:https?:)?//', content) == []


def test_scopes_are_offered_with_their_descriptions(admin_client: Client) -> None:
    content = admin_client.get(ADD).content.decode()
    assert "<code>CHATS:WRITE</code>" in content
    assert "Send chat completions and list the models." in content


def test_staff_with_scope_may_grant_it(user: Any) -> None:
    staff_client("write_chats").post(ADD, fields(user))
    assert APIKey.objects.get().scopes == ["CHATS:WRITE"]


def test_staff_without_scope_cannot_grant_it(user: Any) -> None:
    response = staff_client().post(ADD, fields(user))
    assert "You cannot grant scopes that you do not hold: CHATS:WRITE." in response.content.decode()
    assert not APIKey.objects.exists()


def test_staff_without_scope_cannot_add_it_to_old_key(issue_key: Any, user: Any) -> None:
    key, _ = issue_key(scopes=[])
    response = staff_client().post(change_of(key), fields(user))
    key.refresh_from_db()
    assert response.context["errors"]
    assert key.scopes == []


def test_staff_without_scope_keeps_it_on_old_key(issue_key: Any, user: Any) -> None:
    key, _ = issue_key()
    staff_client().post(change_of(key), fields(user, name="renamed", scopes=[]))
    key.refresh_from_db()
    assert (key.name, key.scopes) == ("renamed", ["CHATS:WRITE"])
    assert LogEntry.objects.get().get_change_message() == "Changed Name."


def test_staff_with_scope_may_take_it_away(issue_key: Any, user: Any) -> None:
    key, _ = issue_key()
    staff_client("write_chats").post(change_of(key), fields(user, scopes=[]))
    key.refresh_from_db()
    assert key.scopes == []


def test_scope_that_is_no_more_is_kept_and_said_so(admin_client: Client, issue_key: Any, user: Any) -> None:
    key, _ = issue_key(scopes=["OLD"])
    assert "No longer a scope of this platform." in admin_client.get(change_of(key)).content.decode()
    admin_client.post(change_of(key), fields(user))
    key.refresh_from_db()
    assert key.scopes == ["CHATS:WRITE", "OLD"]


def test_scope_that_is_unknown_is_refused(admin_client: Client, user: Any) -> None:
    admin_client.post(ADD, fields(user, scopes=["NO:SUCH"]))
    assert not APIKey.objects.exists()


@pytest.mark.parametrize(
    ("text", "kept"), [("", None), (" \n\n", None), ("small\n large \r\nsmall\n", ["small", "large"]), ("a b", ["a b"])]
)
def test_allowed_models_are_lines(admin_client: Client, user: Any, text: str, kept: list[str] | None) -> None:
    admin_client.post(ADD, fields(user, allowed_models=text))
    assert APIKey.objects.get().allowed_models == kept


def test_allowed_models_are_shown_as_lines(admin_client: Client, issue_key: Any) -> None:
    key, _ = issue_key(allowed_models=["small", "large"])
    assert "small\nlarge</textarea>" in admin_client.get(change_of(key)).content.decode()


def test_key_that_would_be_expired_is_refused(admin_client: Client, user: Any) -> None:
    past = {"expires_at_0": "2001-01-01", "expires_at_1": "00:00:00"}
    response = admin_client.post(ADD, fields(user, **past))
    assert "The key would be expired from the start." in response.content.decode()


def test_key_changed_keeps_user_and_secret(admin_client: Client, issue_key: Any) -> None:
    key, secret = issue_key()
    admin_client.post(change_of(key), fields(make_user(), digest="x", last4="xxxx"))
    key.refresh_from_db()
    assert (key.user.username, key.digest) == ("alice", secrets.digest(secret))


def test_change_page_shows_hint_and_no_digest(admin_client: Client, issue_key: Any) -> None:
    key, _ = issue_key()
    content = admin_client.get(change_of(key)).content.decode()
    assert key.hint in content
    assert key.digest not in content


def test_users_are_searched_for_and_never_all_loaded(admin_client: Client, user: Any) -> None:
    content = admin_client.get(ADD).content.decode()
    assert "admin-autocomplete" in content
    assert "alice" not in content


def test_site_without_users_wants_raw_id(admin_client: Client, user: Any) -> None:
    content = admin_client.get("/other/threadless/apikey/add/").content.decode()
    assert "admin-autocomplete" not in content
    assert '<input type="text" name="user"' in content
    assert "alice" not in content


def test_other_site_keeps_its_own_links(admin_client: Client, user: Any) -> None:
    response = admin_client.post("/other/threadless/apikey/add/", fields(user))
    assert reverse("other:threadless_apikey_changelist") in response.content.decode()
    assert 'href="/admin/' not in response.content.decode()


def make_keys(number: int) -> None:
    for _ in range(number):
        make_key()


def test_list_takes_as_many_queries_for_many_keys_as_for_one(
    admin_client: Client, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    make_keys(1)
    with django_assert_max_num_queries(10) as one:
        admin_client.get(LIST)
    make_keys(20)
    with django_assert_num_queries(len(one)):
        admin_client.get(LIST)


@pytest.mark.parametrize("wanted", ["active", "expired", "revoked"])
def test_list_tells_and_filters_status(admin_client: Client, issue_key: Any, wanted: str) -> None:
    issue_key(name="active", expires_at=timezone.now() + timedelta(days=1))
    issue_key(name="expired", expires_at=timezone.now() - timedelta(days=1))
    issue_key(name="revoked", revoked_at=timezone.now(), expires_at=timezone.now() - timedelta(days=1))
    response = admin_client.get(LIST, {"status": wanted})
    assert [key.name for key in response.context["cl"].result_list] == [wanted]
    assert f"threadless-badge threadless-{wanted}" in response.content.decode()


def test_filter_by_active_finds_key_without_expiry(admin_client: Client, issue_key: Any) -> None:
    issue_key(name="forever")
    assert admin_client.get(LIST, {"status": "active"}).context["cl"].result_count == 1


@pytest.mark.parametrize("field", ["name", "last4", "username"])
def test_search_finds_key(admin_client: Client, issue_key: Any, field: str) -> None:
    key, _ = issue_key(name="laptop")
    make_key(name="other", user=make_user("bob"))
    term = key.user.username if field == "username" else getattr(key, field)
    assert key in admin_client.get(LIST, {"q": term}).context["cl"].result_list


def test_search_and_list_follow_custom_username_field(
    admin_client: Client, issue_key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = issue_key()
    get_user_model().objects.filter(pk=key.user_id).update(email="alice@example.com")
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "email")
    assert "alice@example.com" in admin_client.get(LIST, {"q": "alice@"}).content.decode()


def test_staff_who_may_only_view_see_no_form(issue_key: Any) -> None:
    key, _ = issue_key()
    client = Client()
    client.force_login(make_user(permissions=("view_apikey",), is_staff=True))
    response = client.get(change_of(key))
    assert response.status_code == 200
    assert b"<textarea" not in response.content


def test_staff_without_view_of_users_get_raw_id() -> None:
    client = staff_client()
    assert b"admin-autocomplete" not in client.get(ADD).content
    viewer = get_user_model().objects.get()
    viewer.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert b"admin-autocomplete" in client.get(ADD).content
