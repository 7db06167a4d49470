"""The form of API keys: scopes within the editor's own, allowed models, expiry, and what an edit writes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
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


def ticked(content: str) -> list[str]:
    """Which models are selected on the page."""
    inputs = re.findall(r'<input type="checkbox" name="allowed_models_1" value="([^"]*)"([^>]*)>', content)
    return [value for value, rest in inputs if "checked" in rest]


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
        ("all", [], None),
        ("none", [], []),
        ("listed", ["small", "large", "small"], ["small", "large"]),
    ],
)
def test_allowed_models_are_all_none_or_listed(
    admin_client: Client, user: Any, limit: str, names: list[str], expected: list[str] | None
) -> None:
    admin_client.post(page("add"), fields(user, limit=limit, names=names))
    assert APIKey.objects.get().allowed_models == expected


@pytest.mark.parametrize(
    ("limit", "names", "message"),
    [
        ("listed", [], "Choose at least one model or agent, or choose another option."),
        ("all", ["small"], "The chosen models have no effect with this option."),
        ("none", ["small"], "The chosen models have no effect with this option."),
        ("listed", ["small", "no-such", "<b>"], "The user may not see: no-such, &lt;b&gt;."),
        ("", ["small"], "Enter a complete value."),
        ("", [], "This field is required."),
        ("every", [], "Select a valid choice."),
    ],
)
def test_allowed_models_without_clear_meaning_are_refused(
    admin_client: Client, user: Any, limit: str, names: list[str], message: str
) -> None:
    response = admin_client.post(page("add"), fields(user, limit=limit, names=names))
    assert message in response.content.decode()
    assert not APIKey.objects.exists()


def test_allowed_models_refused_are_shown_as_entered(admin_client: Client, user: Any) -> None:
    content = admin_client.post(page("add"), fields(user, limit="all", names=["large"])).content.decode()
    assert ticked(content) == ["large"]
    assert chosen(content) == "all"


@pytest.mark.parametrize(
    ("allowed", "limit"), [(None, "all"), ([], "none"), (["small", "large"], "listed"), (["gone", "large"], "listed")]
)
def test_unrelated_edit_keeps_allowed_models(
    admin_client: Client, issue_key: Any, user: Any, allowed: list[str] | None, limit: str
) -> None:
    key, _ = issue_key(allowed_models=allowed)
    content = admin_client.get(page("change", key.pk)).content.decode()
    assert chosen(content) == limit
    assert set(ticked(content)) == set(allowed or ())
    admin_client.post(page("change", key.pk), fields(user, name="renamed", limit=limit, names=ticked(content)))
    key.refresh_from_db()
    assert (key.name, key.allowed_models) == ("renamed", allowed)
    assert LogEntry.objects.get().get_change_message() == "Changed Name."


def test_model_that_the_user_no_longer_sees_is_flagged(admin_client: Client, issue_key: Any) -> None:
    key, _ = issue_key(allowed_models=["gone"])
    assert "The user may not see this one" in admin_client.get(page("change", key.pk)).content.decode()


def test_models_are_offered_by_name(admin_client: Client, configure: Any) -> None:
    configure(MODELS={"agent_1": {"model": "m", "name": "<Guide>", "kind": "agent"}})
    content = admin_client.get(page("add")).content.decode()
    assert re.search(r"&lt;Guide&gt;\s*<code[^>]*>agent_1</code>", content)


def test_key_whose_platform_cannot_list_models_can_be_edited(
    admin_client: Client, issue_key: Any, user: Any, configure: Any
) -> None:
    configure(RESOLVER="tests.api.test_pages.Broken")
    key, _ = issue_key(allowed_models=["small"])
    admin_client.post(page("change", key.pk), fields(user, name="renamed", limit="listed", names=["small"]))
    key.refresh_from_db()
    assert (key.name, key.allowed_models) == ("renamed", ["small"])


def test_models_of_users_whom_the_editor_may_not_issue_for_are_not_offered(user: Any) -> None:
    client = staff_client("write_chats")
    assert ">small</code>" in client.get(page("add")).content.decode()
    assert ">small</code>" not in client.get(page("add"), {"user": user.pk}).content.decode()
    assert client.get(page("add"), {"user": "x"}).status_code == 200


@pytest.mark.parametrize(("allowed", "text"), [(None, "all"), ([], "none"), (["small", "large"], "small, large")])
def test_viewers_see_allowed_models_in_words(issue_key: Any, allowed: list[str] | None, text: str) -> None:
    key, _ = issue_key(allowed_models=allowed)
    content = (
        signed_in(make_user(permissions=("view_apikey",), is_staff=True)).get(page("change", key.pk)).content.decode()
    )
    assert f'<div class="readonly">{text}</div>' in content


@pytest.mark.parametrize(("choice", "days"), [("30", 30), ("90", 90), ("365", 365)])
def test_expiry_can_be_a_number_of_days(admin_client: Client, user: Any, choice: str, days: int) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        admin_client.post(page("add"), fields(user, expires_at_0=choice, expires_at_1="2031-01-01T00:00"))
    assert APIKey.objects.get().expires_at == now + timedelta(days=days)


def test_expiry_can_be_a_time_in_the_zone_of_the_platform(admin_client: Client, user: Any, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    admin_client.post(page("add"), fields(user, expires_at_0="at", expires_at_1="2100-07-01T12:00"))
    key = APIKey.objects.get()
    assert key.expires_at == datetime(2100, 7, 1, 10, tzinfo=UTC)
    assert 'value="2100-07-01T12:00"' in admin_client.get(page("change", key.pk)).content.decode()


def test_unrelated_edit_keeps_the_seconds_of_the_expiry(admin_client: Client, issue_key: Any, user: Any) -> None:
    exact = datetime(2100, 7, 1, 10, 0, 59, tzinfo=UTC)
    key, _ = issue_key(expires_at=exact)
    data = fields(user, name="renamed", expires_at_0="at", expires_at_1="2100-07-01T10:00")
    admin_client.post(page("change", key.pk), data)
    key.refresh_from_db()
    assert (key.name, key.expires_at) == ("renamed", exact)


@pytest.mark.parametrize("when", ["", "soon"])
def test_expiry_at_a_time_needs_one(admin_client: Client, user: Any, when: str) -> None:
    admin_client.post(page("add"), fields(user, expires_at_0="at", expires_at_1=when))
    assert not APIKey.objects.exists()


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
