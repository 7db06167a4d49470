"""The form of API keys: scopes within the editor's own, allowed models, expiry, and what an edit writes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db.models.signals import pre_save
from django.test import Client
from django.utils import timezone

from tests.support.factories import make_user
from tests.support.key_admin import fields, moment, page, signed_in, staff_client
from threadless.keys.models import APIKey

pytestmark = pytest.mark.django_db


def chosen(content: str) -> str | None:
    """Which limit of the allowed models is selected on the page."""
    inputs = re.findall(r'<input type="radio" name="allowed_models_0"[^>]*>', content)
    checked = [re.search(r'value="(\w+)"', each) for each in inputs if "checked" in each]
    return checked[0][1] if checked and checked[0] else None


def test_scopes_are_offered_with_their_descriptions(admin_client: Client) -> None:
    content = admin_client.get(page("add")).content.decode()
    assert "<code>CHATS:WRITE</code>" in content
    assert "Send chat completions and list the models." in content


def test_staff_with_scope_may_grant_it(user: Any) -> None:
    staff_client("write_chats", "issue_keys_for_others").post(page("add"), fields(user))
    assert APIKey.objects.get().scopes == ["CHATS:WRITE"]


def test_staff_without_scope_cannot_grant_it(user: Any) -> None:
    response = staff_client("issue_keys_for_others").post(page("add"), fields(user))
    assert "You cannot grant scopes that you do not hold: CHATS:WRITE." in response.content.decode()
    assert not APIKey.objects.exists()


def test_staff_without_scope_cannot_add_it_to_existing_key(issue_key: Any, user: Any) -> None:
    key, _ = issue_key(scopes=[])
    response = staff_client("issue_keys_for_others").post(page("change", key.pk), fields(user))
    key.refresh_from_db()
    assert response.context["errors"]
    assert key.scopes == []


def test_scope_that_platform_dropped_is_kept_and_explained(admin_client: Client, issue_key: Any, user: Any) -> None:
    key, _ = issue_key(scopes=["OLD"])
    assert "This platform no longer has this scope." in admin_client.get(page("change", key.pk)).content.decode()
    admin_client.post(page("change", key.pk), fields(user, name="renamed", scopes=[]))
    key.refresh_from_db()
    assert (key.name, key.scopes) == ("renamed", ["OLD"])
    assert LogEntry.objects.get().get_change_message() == "Changed Name."


def test_scope_that_is_unknown_is_refused(admin_client: Client, user: Any) -> None:
    admin_client.post(page("add"), fields(user, scopes=["NO:SUCH"]))
    assert not APIKey.objects.exists()


@pytest.mark.parametrize(
    ("limit", "names", "expected"),
    [
        ("all", "", None),
        ("all", " \n\n", None),
        ("none", "", []),
        ("listed", "small\n large \r\nsmall\n", ["small", "large"]),
        ("listed", "a b", ["a b"]),
    ],
)
def test_allowed_models_are_all_none_or_listed(
    admin_client: Client, user: Any, limit: str, names: str, expected: list[str] | None
) -> None:
    admin_client.post(page("add"), fields(user, limit=limit, names=names))
    assert APIKey.objects.get().allowed_models == expected


@pytest.mark.parametrize(
    ("limit", "names", "message"),
    [
        ("listed", " ", "Enter at least one name, or choose another option."),
        ("all", "small", "The names have no effect with this option."),
        ("none", "small", "The names have no effect with this option."),
        ("", "small", "Enter a complete value."),
        ("", "", "This field is required."),
        ("every", "", "Select a valid choice."),
    ],
)
def test_allowed_models_without_clear_meaning_are_refused(
    admin_client: Client, user: Any, limit: str, names: str, message: str
) -> None:
    response = admin_client.post(page("add"), fields(user, limit=limit, names=names))
    assert message in response.content.decode()
    assert not APIKey.objects.exists()


def test_allowed_models_refused_are_shown_as_entered(admin_client: Client, user: Any) -> None:
    content = admin_client.post(page("add"), fields(user, limit="all", names="small\nlarge")).content.decode()
    assert "small\nlarge</textarea>" in content
    assert chosen(content) == "all"


@pytest.mark.parametrize(
    ("allowed", "limit", "names"), [(None, "all", ""), ([], "none", ""), (["small", "large"], "listed", "small\nlarge")]
)
def test_unrelated_edit_keeps_allowed_models(
    admin_client: Client, issue_key: Any, user: Any, allowed: list[str] | None, limit: str, names: str
) -> None:
    key, _ = issue_key(allowed_models=allowed)
    content = admin_client.get(page("change", key.pk)).content.decode()
    assert chosen(content) == limit
    assert f"{names}</textarea>" in content
    admin_client.post(page("change", key.pk), fields(user, name="renamed", limit=limit, names=names))
    key.refresh_from_db()
    assert (key.name, key.allowed_models) == ("renamed", allowed)
    assert LogEntry.objects.get().get_change_message() == "Changed Name."


@pytest.mark.parametrize(("allowed", "text"), [(None, "all"), ([], "none"), (["small", "large"], "small, large")])
def test_viewers_see_allowed_models_in_words(issue_key: Any, allowed: list[str] | None, text: str) -> None:
    key, _ = issue_key(allowed_models=allowed)
    content = (
        signed_in(make_user(permissions=("view_apikey",), is_staff=True)).get(page("change", key.pk)).content.decode()
    )
    assert f'<div class="readonly">{text}</div>' in content


def test_new_key_that_has_expired_already_is_refused(admin_client: Client, user: Any) -> None:
    response = admin_client.post(page("add"), fields(user, **moment("2001-01-01")))
    assert "Choose a time in the future." in response.content.decode()


def test_key_for_user_whom_editor_may_not_issue_for_is_refused(user: Any) -> None:
    response = staff_client("write_chats").post(page("add"), fields(user))
    assert "You are not allowed to issue keys for this user." in response.content.decode()
    assert not APIKey.objects.exists()


def test_edit_read_before_revocation_does_not_undo_it(admin_client: Client, issue_key: Any, user: Any) -> None:
    key, _ = issue_key()

    def revoke_meanwhile(instance: APIKey, **signal: Any) -> None:
        APIKey.objects.filter(pk=instance.pk).update(revoked_at=timezone.now())

    pre_save.connect(revoke_meanwhile, sender=APIKey)
    try:
        admin_client.post(page("change", key.pk), fields(user, name="renamed"))
    finally:
        pre_save.disconnect(revoke_meanwhile, sender=APIKey)
    key.refresh_from_db()
    assert key.name == "renamed"
    assert key.revoked_at is not None
