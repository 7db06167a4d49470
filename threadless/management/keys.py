"""What the commands for API keys share: finding keys and users, and reading times."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.base import CommandError

from threadless.conf import conf
from threadless.keys.adapters import get_api_key_model
from threadless.keys.models import AbstractAPIKey

_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def key_model() -> type[AbstractAPIKey]:
    """The key model in use. Raises `CommandError` if it is not one of ours."""
    try:
        model = get_api_key_model()
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    if not issubclass(model, AbstractAPIKey):
        raise CommandError(
            f"{conf.api_key_model} does not extend AbstractAPIKey. Manage its keys with the platform's own tools."
        )
    return model


def find_user(name: str) -> Any:
    """The user with this login name or, if there is none, this primary key."""
    user_model: Any = get_user_model()
    users = user_model._default_manager
    try:
        return users.get_by_natural_key(name)
    except user_model.DoesNotExist:
        pass
    try:
        return users.get(pk=name)
    except (user_model.DoesNotExist, ValueError, ValidationError):
        raise CommandError(f"User {name!r} does not exist.") from None


def find_key(key_id: str) -> AbstractAPIKey:
    """The key with this ID, with its user."""
    model: Any = key_model()
    try:
        return model._default_manager.select_related("user").get(pk=key_id)  # type: ignore[no-any-return]
    except (model.DoesNotExist, ValueError, ValidationError):
        raise CommandError(f"There is no key with the ID {key_id!r}. `list_api_keys` shows the IDs.") from None


def span(text: str) -> timedelta | None:
    """A duration such as 12h, 30d or 8w; None for any other text."""
    match = re.fullmatch(r"(\d{1,6})([hdw])", text)
    return int(match[1]) * _UNITS[match[2]] if match else None
