"""The page of a new secret, and the pages that rotate, revoke and delete one key."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from tests.support.factories import make_user
from tests.support.key_admin import fields, page, signed_in
from threadless.exceptions import NotAuthenticated
from threadless.keys.adapters import ModelKeyAdapter
from threadless.keys.models import APIKey

pytestmark = pytest.mark.django_db


def snippet(response: Any, name: str) -> str:
    """The text of one program on the page."""
    found = re.search(rf'<pre id="threadless-{name}">(.*?)</pre>', response.content.decode(), re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def works(secret: str) -> bool:
    try:
        ModelKeyAdapter().authenticate(secret)
    except NotAuthenticated:
        return False
    return True


def test_environment_of_new_key_has_its_secret(admin_client: Client, user: Any) -> None:
    response = admin_client.post(page("add"), fields(user))
    lines = f"export OPENAI_BASE_URL=http://testserver/api/v1\nexport OPENAI_API_KEY='{response.context['secret']}'"
    assert snippet(response, "environment") == lines


@pytest.mark.parametrize("name", ["curl", "python", "node"])
def test_program_has_secret_address_and_first_model(admin_client: Client, user: Any, name: str) -> None:
    response = admin_client.post(page("add"), fields(user, limit="listed", names=["large"]))
    text = snippet(response, name)
    for part in (str(response.context["secret"]), "http://testserver/api/v1", "large"):
        assert part in text


def test_model_of_programs_comes_from_the_resolver(admin_client: Client, user: Any, configure: Any) -> None:
    configure(RESOLVER="tests.api.test_pages.AgentsToo")
    response = admin_client.post(page("add"), fields(user))
    body = re.search(r"-d '(.*)'$", snippet(response, "curl"))
    assert body is not None
    assert json.loads(body[1])["model"] == "<b>&"


def test_key_that_sees_no_model_gets_no_program(admin_client: Client, user: Any) -> None:
    content = admin_client.post(page("add"), fields(user, limit="none")).content.decode()
    assert "threadless-curl" not in content
    assert "The key cannot call any model yet." in content


def test_address_behind_a_proxy_is_that_of_the_client(admin_client: Client, user: Any, settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.USE_X_FORWARDED_HOST = True
    settings.ALLOWED_HOSTS = ["api.example.com", "testserver"]
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "api.example.com"}
    response = admin_client.post(page("add"), fields(user), headers=headers)
    assert "export OPENAI_BASE_URL=https://api.example.com/api/v1\n" in snippet(response, "environment")


def test_form_that_is_sent_twice_makes_one_key(admin_client: Client, user: Any) -> None:
    content = admin_client.get(page("add")).content.decode()
    found = re.search(r'name="form_id" value="(\w+)"', content)
    assert found is not None
    data = fields(user, form_id=found[1])
    admin_client.post(page("add"), data)
    response = admin_client.post(page("add"), data, follow=True)
    key = APIKey.objects.get()
    assert response.redirect_chain == [(page("change", key.pk), 302)]
    assert "This key was already created." in response.content.decode()


def test_form_with_a_mistake_can_be_sent_again(admin_client: Client, user: Any) -> None:
    data = fields(user, form_id="x")
    response = admin_client.post(page("add"), data | {"name": ""})
    assert 'name="form_id" value="x"' in response.content.decode()
    admin_client.post(page("add"), data)
    assert APIKey.objects.count() == 1


def test_rotating_asks_for_the_overlap(admin_client: Client, issue_key: Any) -> None:
    key, secret = issue_key()
    content = admin_client.get(page("rotate", key.pk)).content.decode()
    assert re.findall(r'name="overlap" value="(\d+)"', content) == ["0", "1", "24", "168"]
    assert works(secret)


@pytest.mark.parametrize(("hours", "both"), [(0, False), (1, True), (168, True)])
def test_rotating_shows_the_new_secret_and_keeps_the_old_one_for_the_overlap(
    admin_client: Client, issue_key: Any, hours: int, both: bool
) -> None:
    key, old = issue_key()
    response = admin_client.post(page("rotate", key.pk), {"overlap": hours, "current": key.last4})
    assert "no-store" in response["Cache-Control"]
    new = str(response.context["secret"])
    assert (works(new), works(old)) == (True, both)
    assert f"Bearer {new}" in snippet(response, "curl")
    assert APIKey.objects.get().pk == key.pk


def test_rotating_is_logged_without_the_secret(admin_client: Client, issue_key: Any) -> None:
    key, _ = issue_key()
    response = admin_client.post(page("rotate", key.pk), {"overlap": 24, "current": key.last4})
    message = LogEntry.objects.get().change_message
    assert message == "Rotated. The previous secret works for 24 hours."
    assert str(response.context["secret"]) not in repr(response.context)


def test_reload_of_the_new_secret_does_not_rotate_again(admin_client: Client, issue_key: Any) -> None:
    key, _ = issue_key()
    data = {"overlap": 24, "current": key.last4}
    secret = str(admin_client.post(page("rotate", key.pk), data).context["secret"])
    response = admin_client.post(page("rotate", key.pk), data, follow=True)
    assert "The key was not rotated again" in response.content.decode()
    assert works(secret)


@pytest.mark.parametrize("overlap", ["", "2", "-1", "x", "9999999"])
def test_overlap_that_was_not_offered_is_refused(admin_client: Client, issue_key: Any, overlap: str) -> None:
    key, secret = issue_key()
    admin_client.post(page("rotate", key.pk), {"overlap": overlap, "current": key.last4})
    assert APIKey.objects.get().digest == key.digest
    assert works(secret)


def test_revoking_on_the_page_of_a_key_asks_first(admin_client: Client, issue_key: Any) -> None:
    key, secret = issue_key()
    content = admin_client.get(page("revoke", key.pk)).content.decode()
    assert "Calls that are running continue to their end." in content
    assert works(secret)
    admin_client.post(page("revoke", key.pk))
    assert not works(secret)
    assert LogEntry.objects.get().change_message == "Revoked."


@pytest.mark.parametrize("name", ["rotate", "revoke"])
@pytest.mark.parametrize("key_id", ["0", "x"])
def test_page_of_unknown_key_is_missing(admin_client: Client, name: str, key_id: str) -> None:
    assert admin_client.get(page(name, key_id)).status_code == 404


def test_page_of_key_offers_what_can_be_done(admin_client: Client, issue_key: Any) -> None:
    key, _ = issue_key()
    content = admin_client.get(page("change", key.pk)).content.decode()
    for url in (page("rotate", key.pk), page("revoke", key.pk), page("delete", key.pk)):
        assert f'href="{url}"' in content
    assert f'href="/admin/threadless/usagerecord/?key_id={key.pk}"' in content


def test_page_of_used_key_offers_no_deletion(admin_client: Client, issue_key: Any) -> None:
    key, _ = issue_key(last_used_at=timezone.now())
    assert page("delete", key.pk) not in admin_client.get(page("change", key.pk)).content.decode()
    content = admin_client.post(page("delete", key.pk), {"post": "yes"}).content.decode()
    assert "has been used. Revoke it instead" in content
    assert APIKey.objects.exists()


def test_user_with_used_keys_can_still_be_deleted(admin_client: Client, issue_key: Any) -> None:
    key, _ = issue_key(last_used_at=timezone.now())
    admin_client.post(f"/admin/auth/user/{key.user_id}/delete/", {"post": "yes"})
    assert not APIKey.objects.exists()


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
def test_page_of_key_that_has_ended_offers_no_rotation(admin_client: Client, issue_key: Any, column: str) -> None:
    key, _ = issue_key(**{column: timezone.now() - timedelta(days=1)})
    content = admin_client.get(page("change", key.pk)).content.decode()
    assert page("rotate", key.pk) not in content
    assert (page("revoke", key.pk) in content) is (column == "expires_at")


def test_calls_are_linked_only_for_those_who_may_see_them(issue_key: Any) -> None:
    key, _ = issue_key()
    client = signed_in(make_user(permissions=("view_apikey",), is_staff=True))
    assert "usagerecord" not in client.get(page("change", key.pk)).content.decode()
