"""Who may do what to a key in the admin: each role, each change, each owner of the key."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.factories import make_key, make_user
from tests.support.key_admin import ALL_KEY_PERMISSIONS, Attempts, cells, page, signed_in

pytestmark = pytest.mark.django_db

ISSUER = (*ALL_KEY_PERMISSIONS, "write_chats", "issue_keys_for_others")
ROLES: dict[str, dict[str, Any]] = {
    "superuser": {"is_staff": True, "is_superuser": True},
    "issuer": {"is_staff": True, "permissions": ISSUER},
    "staff": {"is_staff": True, "permissions": (*ALL_KEY_PERMISSIONS, "write_chats")},
    "unscoped": {"is_staff": True, "permissions": (*ALL_KEY_PERMISSIONS, "issue_keys_for_others")},
    "changer": {"is_staff": True, "permissions": tuple(name for name in ISSUER if name != "add_apikey")},
    "viewer": {"is_staff": True, "permissions": ("view_apikey", "write_chats", "issue_keys_for_others")},
    "customer": {"permissions": ISSUER},
}
VERDICTS = """
attempt         | owner of key | superuser  issuer  staff  unscoped  changer  viewer  customer
add             | the editor   | yes        yes     yes    no        no       no      no
add             | another user | yes        yes     no     no        no       no      no
add             | a superuser  | yes        no      no     no        no       no      no
rename          | the editor   | yes        yes     yes    no        no       no      no
rename          | another user | yes        yes     no     no        no       no      no
rename          | a superuser  | yes        no      no     no        no       no      no
widen_scopes    | the editor   | yes        yes     yes    no        no       no      no
widen_scopes    | another user | yes        yes     no     no        no       no      no
widen_scopes    | a superuser  | yes        no      no     no        no       no      no
narrow_scopes   | the editor   | yes        yes     yes    no        no       no      no
narrow_scopes   | another user | yes        yes     no     no        no       no      no
narrow_scopes   | a superuser  | yes        no      no     no        no       no      no
widen_models    | the editor   | yes        yes     yes    no        no       no      no
widen_models    | another user | yes        yes     no     no        no       no      no
widen_models    | a superuser  | yes        no      no     no        no       no      no
revive          | the editor   | yes        yes     yes    no        no       no      no
revive          | another user | yes        yes     no     no        no       no      no
revive          | a superuser  | yes        no      no     no        no       no      no
remove_expiry   | the editor   | yes        yes     yes    no        no       no      no
remove_expiry   | another user | yes        yes     no     no        no       no      no
remove_expiry   | a superuser  | yes        no      no     no        no       no      no
raise_limit     | the editor   | yes        yes     yes    no        no       no      no
raise_limit     | another user | yes        yes     no     no        no       no      no
raise_limit     | a superuser  | yes        no      no     no        no       no      no
change_user     | the editor   | no         no      no     no        no       no      no
change_user     | another user | no         no      no     no        no       no      no
change_user     | a superuser  | no         no      no     no        no       no      no
undo_revocation | the editor   | no         no      no     no        no       no      no
undo_revocation | another user | no         no      no     no        no       no      no
revoke          | the editor   | yes        yes     yes    yes       yes      no      no
revoke          | another user | yes        yes     yes    yes       yes      no      no
revoke          | a superuser  | yes        yes     yes    yes       yes      no      no
revoke_on_its_page | the editor| yes        yes     yes    yes       yes      no      no
revoke_on_its_page | a superuser | yes      yes     yes    yes       yes      no      no
rotate          | the editor   | yes        yes     yes    no        no       no      no
rotate          | another user | yes        yes     no     no        no       no      no
rotate          | a superuser  | yes        no      no     no        no       no      no
rotate_to_revive | the editor  | no         no      no     no        no       no      no
rotate_to_revive | another user | no        no      no     no        no       no      no
rotate_revoked  | the editor   | no         no      no     no        no       no      no
rotate_revoked  | another user | no         no      no     no        no       no      no
delete_used     | the editor   | no         no      no     no        no       no      no
delete_used     | another user | no         no      no     no        no       no      no
delete          | the editor   | yes        yes     yes    no        no       no      no
delete          | another user | yes        yes     no     no        no       no      no
delete          | a superuser  | yes        no      no     no        no       no      no
delete_from_list| the editor   | yes        yes     yes    no        no       no      no
delete_from_list| another user | yes        yes     no     no        no       no      no
delete_from_list| a superuser  | yes        no      no     no        no       no      no
view            | another user | yes        yes     yes    yes       yes      yes     no
view            | a superuser  | yes        yes     yes    yes       yes      yes     no
"""


@pytest.mark.parametrize(("role", "attempt", "owner", "expected"), list(cells(VERDICTS)))
def test_role_may_do_to_key(role: str, attempt: str, owner: str, expected: bool) -> None:
    editor = make_user(**ROLES[role])
    user = editor if owner == "the editor" else make_user(is_superuser=owner == "a superuser")
    attempts = Attempts(signed_in(editor), user, make_user())
    assert getattr(attempts, attempt)() is expected


def test_matrix_covers_every_role_and_attempt() -> None:
    attempts = {name for name, method in vars(Attempts).items() if callable(method) and not name.startswith("_")}
    assert {(role, attempt) for role, attempt, _, _ in cells(VERDICTS)} == {
        (role, attempt) for role in ROLES for attempt in attempts
    }


def test_page_of_key_beyond_the_editors_rights_is_read_only_and_says_why() -> None:
    editor = make_user(**ROLES["staff"])
    key, _ = make_key(allowed_models=[])
    content = signed_in(editor).get(page("change", key.pk)).content.decode()
    assert "You cannot change this key because you could not issue it. You can revoke it." in content
    assert 'name="_save"' not in content
    assert "<textarea" not in content
    assert f'href="{page("revoke", key.pk)}"' in content
    assert page("rotate", key.pk) not in content


def test_page_of_key_for_viewers_does_not_offer_revoking() -> None:
    key, _ = make_key()
    content = signed_in(make_user(**ROLES["viewer"])).get(page("change", key.pk)).content.decode()
    assert "You can revoke it." not in content


def test_editor_is_suggested_as_user_of_new_key() -> None:
    editor = make_user(**ROLES["staff"])
    content = signed_in(editor).get(page("add")).content.decode()
    assert re.search(rf'<input[^>]+name="user"[^>]+value="{editor.pk}"|value="{editor.pk}"[^>]+name="user"', content)
