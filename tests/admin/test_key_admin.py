"""The pages of the key admin: the new key, the list, the search."""

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
from tests.support.key_admin import fields, page, signed_in, staff_client
from threadless.keys import secrets
from threadless.keys.models import APIKey

pytestmark = pytest.mark.django_db


def test_key_added_is_saved_as_digest_with_its_creator(admin_client: Client, admin_user: Any, user: Any) -> None:
    response = admin_client.post(page("add"), fields(user))
    key = APIKey.objects.get()
    assert key.digest == secrets.digest(str(response.context["secret"]))
    assert (key.user, key.created_by, key.scopes) == (user, admin_user, ["CHATS:WRITE"])


def test_key_added_is_shown_once_and_not_stored_by_browsers(admin_client: Client, user: Any) -> None:
    response = admin_client.post(page("add"), fields(user))
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert str(response.context["secret"]) in response.content.decode()


def test_key_added_leaves_secret_nowhere(admin_client: Client, user: Any, caplog: Any) -> None:
    secret = str(admin_client.post(page("add"), fields(user)).context["secret"])
    pages = [
        admin_client.get(url).content.decode()
        for url in (page("changelist"), page("change", APIKey.objects.get().pk), "/admin/")
    ]
    stored = [
        *LogEntry.objects.values(),
        *APIKey.objects.values(),
        *(session.get_decoded() for session in Session.objects.all()),
    ]
    assert secret not in str(pages) + str(stored) + caplog.text


def test_secret_between_saving_and_showing_has_no_repr(admin_client: Client, user: Any) -> None:
    context = admin_client.post(page("add"), fields(user)).context
    assert str(context["secret"]) not in repr(context["secret"])


class WithoutAPI:
    """Routes of a host that has not plugged the endpoints in."""

    urlpatterns = [path("admin/", admin.site.urls)]


def test_page_of_new_key_without_endpoints_shows_key_alone(admin_client: Client, user: Any, settings: Any) -> None:
    settings.ROOT_URLCONF = WithoutAPI
    response = admin_client.post(page("add"), fields(user))
    assert str(response.context["secret"]) in response.content.decode()
    assert "curl" not in response.content.decode()


@pytest.mark.parametrize("name", ["changelist", "add"])
def test_pages_hold_no_script_or_style_inline(admin_client: Client, user: Any, name: str) -> None:
    response = admin_client.post(page(name), fields(user)) if name == "add" else admin_client.get(page(name))
    content = response.content.decode()
    assert "<script>" not in content
    assert "<style" not in content
    assert re.findall(r'(?:src|href)="(?:https?:)?//', content) == []


def test_key_changed_keeps_user_and_secret(admin_client: Client, issue_key: Any) -> None:
    key, secret = issue_key()
    admin_client.post(page("change", key.pk), fields(make_user(), digest="x", last4="xxxx"))
    key.refresh_from_db()
    assert (key.user.username, key.digest) == ("alice", secrets.digest(secret))


def test_change_page_shows_hint_and_no_digest(admin_client: Client, issue_key: Any) -> None:
    key, _ = issue_key()
    content = admin_client.get(page("change", key.pk)).content.decode()
    assert key.hint in content
    assert key.digest not in content


def test_users_are_searched_for_and_never_all_loaded(admin_client: Client, user: Any) -> None:
    content = admin_client.get(page("add")).content.decode()
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
        admin_client.get(page("changelist"))
    make_keys(20)
    with django_assert_num_queries(len(one)):
        admin_client.get(page("changelist"))


@pytest.mark.parametrize("wanted", ["active", "never_used", "no_scope", "expired", "revoked"])
def test_list_tells_and_filters_status(admin_client: Client, issue_key: Any, wanted: str) -> None:
    now = timezone.now()
    issue_key(name="no_scope", scopes=[])
    issue_key(name="never_used")
    issue_key(name="active", last_used_at=now, expires_at=now + timedelta(days=30))
    issue_key(name="expired", expires_at=now - timedelta(days=1))
    issue_key(name="revoked", revoked_at=now, expires_at=now - timedelta(days=1))
    response = admin_client.get(page("changelist"), {"status": wanted})
    assert [key.name for key in response.context["cl"].result_list] == [wanted]
    assert f"threadless-badge threadless-{wanted}" in response.content.decode()


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"attention": "expires"}, "expires"),
        ({"attention": "unused"}, "unused"),
        ({"attention": "never"}, "never"),
        ({"scope": "CHATS:WRITE"}, "unused"),
        ({"status": "rotating"}, "rotating"),
    ],
)
def test_list_finds_keys_that_need_attention(
    admin_client: Client, issue_key: Any, query: dict[str, str], wanted: str
) -> None:
    now = timezone.now()
    used = {"last_used_at": now, "scopes": []}
    issue_key(name="expires", **used | {"expires_at": now + timedelta(days=20)})
    issue_key(name="unused", last_used_at=now - timedelta(days=91))
    issue_key(name="never", scopes=[])
    issue_key(name="rotating", **used | {"previous_until": now + timedelta(hours=1), "scopes": ["OTHER"]})
    issue_key(name="revoked", revoked_at=now, expires_at=now, scopes=[])
    names = [key.name for key in admin_client.get(page("changelist"), query).context["cl"].result_list]
    assert names == [wanted]


@pytest.mark.parametrize(
    ("rest", "text"),
    [(timedelta(days=6, hours=1), "expires in 6 days"), (timedelta(hours=2, minutes=5), "expires in 2 hours")],
)
def test_status_tells_how_soon_the_key_expires(
    admin_client: Client, issue_key: Any, rest: timedelta, text: str
) -> None:
    issue_key(expires_at=timezone.now() + rest)
    assert text in admin_client.get(page("changelist")).content.decode()


@pytest.mark.parametrize("field", ["name", "last4", "username"])
def test_search_finds_key(admin_client: Client, issue_key: Any, field: str) -> None:
    key, _ = issue_key(name="laptop")
    make_key(name="other", user=make_user("bob"))
    term = key.user.username if field == "username" else getattr(key, field)
    assert key in admin_client.get(page("changelist"), {"q": term}).context["cl"].result_list


def test_search_and_list_follow_custom_username_field(
    admin_client: Client, issue_key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = issue_key()
    get_user_model().objects.filter(pk=key.user_id).update(email="alice@example.com")
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "email")
    assert "alice@example.com" in admin_client.get(page("changelist"), {"q": "alice@"}).content.decode()


def test_staff_who_may_only_view_see_no_form(issue_key: Any) -> None:
    key, _ = issue_key()
    response = signed_in(make_user(permissions=("view_apikey",), is_staff=True)).get(page("change", key.pk))
    assert response.status_code == 200
    assert b"<textarea" not in response.content


def test_staff_without_view_of_users_get_raw_id() -> None:
    client = staff_client()
    assert b"admin-autocomplete" not in client.get(page("add")).content
    viewer = get_user_model().objects.get()
    viewer.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert b"admin-autocomplete" in client.get(page("add")).content
