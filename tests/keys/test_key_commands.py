"""Rotating, revoking and listing keys from the shell."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.support.factories import make_key, make_user
from threadless.exceptions import NotAuthenticated
from threadless.keys.adapters import ModelKeyAdapter
from threadless.keys.models import APIKey, StaleKey

pytestmark = pytest.mark.django_db


def run(name: str, *arguments: Any) -> tuple[str, str]:
    """What the command prints on stdout and on stderr."""
    out, err = io.StringIO(), io.StringIO()
    call_command(name, *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def works(secret: str) -> bool:
    try:
        ModelKeyAdapter().authenticate(secret)
    except NotAuthenticated:
        return False
    return True


def test_rotating_prints_the_new_secret_alone(issue_key: Any) -> None:
    key, old = issue_key()
    out, err = run("rotate_api_key", key.pk)
    new = out.removesuffix("\n")
    assert (works(new), works(old)) == (True, False)
    assert new not in err
    assert "no longer works" in err


def test_rotating_with_overlap_keeps_the_previous_secret(issue_key: Any) -> None:
    key, old = issue_key()
    out, err = run("rotate_api_key", key.pk, "--overlap", "24h")
    assert works(old)
    assert works(out.strip())
    assert "the previous secret works until 2" in err


@pytest.mark.parametrize("overlap", ["1", "-1h", "soon", "91d", "999999w"])
def test_overlap_that_is_no_short_duration_is_refused(issue_key: Any, overlap: str) -> None:
    key, secret = issue_key()
    with pytest.raises(CommandError, match="not a duration"):
        run("rotate_api_key", key.pk, f"--overlap={overlap}")
    assert works(secret)


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
def test_key_that_has_ended_cannot_be_rotated(issue_key: Any, column: str) -> None:
    key, _ = issue_key(**{column: timezone.now()})
    with pytest.raises(CommandError, match="Create a new key"):
        run("rotate_api_key", key.pk)


@pytest.mark.parametrize("name", ["rotate_api_key", "revoke_api_key"])
@pytest.mark.parametrize("key_id", ["0", "x"])
def test_unknown_key_is_refused(name: str, key_id: str) -> None:
    with pytest.raises(CommandError, match="There is no key with the ID"):
        run(name, key_id)


def test_key_that_was_rotated_meanwhile_is_not_rotated_again(issue_key: Any) -> None:
    key, _ = issue_key()
    secret = APIKey.objects.get().rotate()
    with pytest.raises(StaleKey):
        key.rotate()
    assert works(secret)


def test_key_that_was_revoked_meanwhile_is_not_rotated(issue_key: Any) -> None:
    key, _ = issue_key()
    APIKey.objects.get().revoke()
    with pytest.raises(StaleKey):
        key.rotate()


def test_revoking_by_id_ends_each_key() -> None:
    keys = [make_key(), make_key()]
    out, _ = run("revoke_api_key", *(key.pk for key, _ in keys))
    assert [works(secret) for _, secret in keys] == [False, False]
    assert out.count("was revoked") == 2


def test_revoking_again_says_so_and_keeps_the_time(issue_key: Any) -> None:
    key, _ = issue_key(revoked_at=timezone.now() - timedelta(days=1))
    assert "was already revoked" in run("revoke_api_key", key.pk)[0]
    assert APIKey.objects.get().revoked_at == key.revoked_at


def revoke_by(secret: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{secret}\n"))
    return "".join(run("revoke_api_key", "--secret"))


@pytest.mark.parametrize("is_rotated", [False, True])
def test_revoking_by_secret_finds_the_key(issue_key: Any, monkeypatch: pytest.MonkeyPatch, is_rotated: bool) -> None:
    key, secret = issue_key()
    if is_rotated:
        key.rotate()
    said = revoke_by(f" {secret} ", monkeypatch)
    assert APIKey.objects.get().revoked_at is not None
    assert f"Key {key.pk} was revoked" in said
    assert secret not in said


@pytest.mark.parametrize(("change", "message"), [(slice(1, None), "not the complete secret"), (None, "No key has")])
def test_secret_that_finds_no_key_is_not_repeated(
    issue_key: Any, monkeypatch: pytest.MonkeyPatch, change: slice | None, message: str
) -> None:
    _, secret = issue_key()
    if change is None:
        APIKey.objects.all().delete()
    with pytest.raises(CommandError, match=message) as raised:
        revoke_by(secret[: -change.start] if change else secret, monkeypatch)
    assert secret[:20] not in str(raised.value)


@pytest.mark.parametrize("arguments", [[], ["1", "--secret"]])
def test_revoking_needs_ids_or_a_secret(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="either IDs of keys or --secret"):
        run("revoke_api_key", *arguments)


def listed(*arguments: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run("list_api_keys", *arguments)[0])
    return rows


def test_list_is_json_without_secrets(issue_key: Any) -> None:
    key, secret = issue_key(name="Läptop", allowed_models=["small"])
    [row] = listed()
    assert (row["id"], row["name"], row["user"], row["status"]) == (key.pk, "Läptop", "alice", "never_used")
    assert (row["scopes"], row["allowed_models"], row["expires_at"]) == (["CHATS:WRITE"], ["small"], None)
    assert secret not in str(row)
    assert key.digest not in str(row)


def test_list_can_be_limited_to_a_user_and_a_status(issue_key: Any) -> None:
    wanted, _ = issue_key(revoked_at=timezone.now())
    issue_key()
    make_key(user=make_user("bob"), revoked_at=timezone.now())
    assert [row["id"] for row in listed("--user", "alice", "--status", "revoked")] == [wanted.pk]
