"""Keys from the shell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from threadless.keys import secrets
from threadless.keys.models import APIKey

pytestmark = pytest.mark.django_db


def create(*args: str, user: str = "alice") -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("create_api_key", "--user", user, "--name", "shell", *args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_command_prints_key_alone(user: Any) -> None:
    out, err = create("--scope", "CHATS:WRITE")
    assert APIKey.objects.get().digest == secrets.digest(out.removesuffix("\n"))
    assert out.strip() not in err


def test_command_sets_scopes_and_models(user: Any) -> None:
    create("--scope", "CHATS:WRITE", "--model", "small", "--model", "large")
    key = APIKey.objects.get()
    assert (key.scopes, key.allowed_models) == (["CHATS:WRITE"], ["small", "large"])


def test_command_without_scope_and_model_sets_none(user: Any) -> None:
    _, err = create()
    key = APIKey.objects.get()
    assert (key.scopes, key.allowed_models, key.created_by) == ([], None, None)
    assert "refused everywhere" in err


def test_command_finds_user_by_primary_key(user: Any) -> None:
    create(user=str(user.pk))
    assert APIKey.objects.get().user == user


def test_command_finds_user_by_custom_username_field(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    user.email = "alice@example.com"
    user.save()
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "email")
    create(user="alice@example.com")
    assert APIKey.objects.get().user == user


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12h", datetime(2030, 1, 1, 12, tzinfo=UTC)),
        ("30d", datetime(2030, 1, 31, tzinfo=UTC)),
        ("2w", datetime(2030, 1, 15, tzinfo=UTC)),
        ("2030-12-31", datetime(2030, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2030-06-01T18:00", datetime(2030, 6, 1, 18, tzinfo=UTC)),
    ],
)
def test_command_sets_expiry(user: Any, text: str, expected: datetime) -> None:
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False):
        create("--expires", text)
    assert abs(APIKey.objects.get().expires_at - expected) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--scope", "NO:SUCH"], "Unknown scope NO:SUCH"),
        (["--expires", "soon"], "neither a date nor a span"),
        (["--expires", "2030-13-45"], "neither a date nor a span"),
        (["--expires", "99999999999w"], "neither a date nor a span"),
        (["--expires", "2001-01-01"], "is in the past"),
        (["--field", "colour=red"], "adds no column 'colour'"),
        (["--field", "digest=x"], "adds no column 'digest'"),
    ],
)
def test_command_with_wrong_argument_fails(user: Any, arguments: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        create(*arguments)
    assert not APIKey.objects.exists()


@pytest.mark.parametrize("name", ["nobody", "999999", ""])
def test_command_with_unknown_user_fails(user: Any, name: str) -> None:
    with pytest.raises(CommandError, match="There is no user"):
        create(user=name)


@pytest.mark.parametrize(
    ("model", "reason"), [("nowhere.Key", "names no installed model"), ("auth.Group", "does not extend AbstractAPIKey")]
)
def test_command_with_foreign_key_model_fails(user: Any, settings: Any, model: str, reason: str) -> None:
    settings.THREADLESS_API_KEY_MODEL = model
    with pytest.raises(CommandError, match=reason):
        create()
