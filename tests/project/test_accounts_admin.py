"""The platform's key admin: staff manage the keys of their own organisations, and nobody moves a key."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from project.accounts.models import ApiKey, Membership, Organisation
from tests.project.platform import Platform, stranger
from tests.support.key_admin import ALL_KEY_PERMISSIONS, Attempts, act, cells, fields, page, signed_in

MANAGER = (*ALL_KEY_PERMISSIONS, "write_chats", "issue_keys_for_others")
ROLES: dict[str, dict[str, Any]] = {
    "superuser": {"is_superuser": True},
    "manager": {"permissions": MANAGER},
    "staff": {"permissions": (*ALL_KEY_PERMISSIONS, "write_chats")},
    "outsider": {"permissions": MANAGER, "organisation": "beta"},
    "viewer": {"permissions": ("view_apikey", "write_chats", "issue_keys_for_others")},
    "customer": {"permissions": MANAGER, "is_staff": False},
}
VERDICTS = """
attempt          | owner of key | superuser  manager  staff  outsider  viewer  customer
add              | a member     | yes        yes      no     no        no      no
add              | the editor   | yes        yes      yes    no        no      no
add              | a superuser  | yes        no       no     no        no      no
add              | an outsider  | no         no       no     no        no      no
view             | a member     | yes        yes      yes    no        yes     no
rename           | a member     | yes        yes      no     no        no      no
rename           | the editor   | yes        yes      yes    no        no      no
rename           | a superuser  | yes        no       no     no        no      no
widen_scopes     | a member     | yes        yes      no     no        no      no
widen_scopes     | the editor   | yes        yes      yes    no        no      no
widen_scopes     | a superuser  | yes        no       no     no        no      no
narrow_scopes    | a member     | yes        yes      no     no        no      no
narrow_scopes    | a superuser  | yes        no       no     no        no      no
widen_models     | a member     | yes        yes      no     no        no      no
widen_models     | a superuser  | yes        no       no     no        no      no
revive           | a member     | yes        yes      no     no        no      no
revive           | a superuser  | yes        no       no     no        no      no
remove_expiry    | a member     | yes        yes      no     no        no      no
remove_expiry    | a superuser  | yes        no       no     no        no      no
raise_limit      | a member     | yes        yes      no     no        no      no
raise_limit      | a superuser  | yes        no       no     no        no      no
change_user      | a member     | no         no       no     no        no      no
change_user      | the editor   | no         no       no     no        no      no
undo_revocation  | a member     | no         no       no     no        no      no
move             | a member     | no         no       no     no        no      no
move             | the editor   | no         no       no     no        no      no
revoke           | a member     | yes        yes      yes    no        no      no
revoke           | a superuser  | yes        yes      yes    no        no      no
revoke_on_its_page | a member   | yes        yes      yes    no        no      no
rotate           | a member     | yes        yes      no     no        no      no
rotate           | the editor   | yes        yes      yes    no        no      no
rotate           | a superuser  | yes        no       no     no        no      no
rotate_to_revive | a member     | no         no       no     no        no      no
rotate_revoked   | a member     | no         no       no     no        no      no
delete_used      | a member     | no         no       no     no        no      no
delete           | a member     | yes        yes      no     no        no      no
delete           | the editor   | yes        yes      yes    no        no      no
delete           | a superuser  | yes        no       no     no        no      no
delete_from_list | a member     | yes        yes      no     no        no      no
delete_from_list | a superuser  | yes        no       no     no        no      no
"""


class PlatformAttempts(Attempts):
    """With the platform's own column."""

    def move(self) -> bool:
        """Move a key to the other organisation, of which the editor and the user are members as well."""
        beta = Organisation.objects.get(slug="beta")
        for user in {User.objects.get(pk=self.client.session["_auth_user_id"]), self.user}:
            Membership.objects.get_or_create(user=user, organisation=beta)
        return self._change(self._key(), organisation=beta.pk).organisation_id == beta.pk


@pytest.fixture
def acme(db: None) -> Organisation:
    """The organisation of the keys; there is another one."""
    Organisation.objects.create(name="Beta", slug="beta")
    return Organisation.objects.create(name="Acme", slug="acme")


def make_member(name: str, *, organisation: str = "acme", permissions: tuple[str, ...] = (), **flags: Any) -> User:
    user = User.objects.create_user(name, **flags)
    user.user_permissions.add(*Permission.objects.filter(codename__in=permissions))
    Membership.objects.create(user=user, organisation=Organisation.objects.get(slug=organisation))
    return user


@pytest.mark.parametrize(("role", "attempt", "owner", "expected"), list(cells(VERDICTS)))
def test_role_may_do_to_key(acme: Organisation, role: str, attempt: str, owner: str, expected: bool) -> None:
    editor = make_member("editor", **{"is_staff": True} | ROLES[role])
    users = {
        "the editor": lambda: editor,
        "a member": lambda: make_member("ada"),
        "a superuser": lambda: make_member("root", is_superuser=True),
        "an outsider": lambda: make_member("eve", organisation="beta"),
    }
    user = users[owner]()
    attempts = PlatformAttempts(signed_in(editor), user, make_member("bob"), {"organisation": acme})
    assert getattr(attempts, attempt)() is expected


def test_key_for_user_outside_organisation_is_refused_with_reason(admin_client: Any, acme: Organisation) -> None:
    response = admin_client.post(page("add"), fields(stranger(), organisation=acme.pk))
    assert "The user is not a member of this organisation." in response.content.decode()
    assert not ApiKey.objects.exists()


def test_key_of_user_who_left_organisation_can_still_be_changed(admin_client: Any, platform: Platform) -> None:
    Membership.objects.all().delete()
    admin_client.post(page("change", platform.key.pk), fields(platform.member, name="renamed"))
    platform.key.refresh_from_db()
    assert platform.key.name == "renamed"


def test_list_shows_keys_of_own_organisations_only(acme: Organisation) -> None:
    for organisation in Organisation.objects.all():
        user = make_member(f"user of {organisation.slug}", organisation=organisation.slug)
        ApiKey.objects.issue(name=organisation.slug, user=user, organisation=organisation)
    editor = make_member("editor", is_staff=True, permissions=MANAGER)
    names = [key.name for key in signed_in(editor).get(page("changelist")).context["cl"].result_list]
    assert names == ["acme"]


def test_organisations_of_others_are_not_offered(acme: Organisation) -> None:
    editor = make_member("editor", is_staff=True, permissions=MANAGER)
    content = signed_in(editor).get(page("add")).content.decode()
    assert ">Acme</option>" in content
    assert ">Beta</option>" not in content


@pytest.mark.parametrize("path", ["/admin/accounts/organisation/", "/admin/autocomplete/"])
def test_staff_find_their_own_organisations_only(acme: Organisation, path: str) -> None:
    editor = make_member("editor", is_staff=True, permissions=("view_organisation", *MANAGER))
    query = {"app_label": "accounts", "model_name": "apikey", "field_name": "organisation", "term": ""}
    content = signed_in(editor).get(path, query if "autocomplete" in path else {}).content.decode()
    assert "Acme" in content
    assert "Beta" not in content


def test_selected_keys_of_other_organisation_are_not_revoked(platform: Platform) -> None:
    Organisation.objects.create(name="Beta", slug="beta")
    editor = make_member("editor", organisation="beta", is_staff=True, permissions=MANAGER)
    act(signed_in(editor), "revoke_keys", platform.key, confirmed="yes")
    platform.key.refresh_from_db()
    assert platform.key.revoked_at is None
