"""`manage.py create_api_key`: writes a new key, and nothing else, to stdout, so that scripts can read it."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from datetime import datetime, time, timedelta
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.views.decorators.debug import sensitive_variables

from threadless.conf import conf
from threadless.keys.adapters import get_api_key_model
from threadless.keys.models import AbstractAPIKey

_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Command(BaseCommand):
    """Checks no permissions: users who can run it have access to the server."""

    help = "Create an API key and write it to stdout. It cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, help="Name or primary key of the user that the key acts as.")
        parser.add_argument("--name", required=True, help="What the key is for.")
        parser.add_argument(
            "--scope",
            action="append",
            default=[],
            dest="scopes",
            help="May be repeated. A key without scopes is refused everywhere.",
        )
        parser.add_argument(
            "--model", action="append", dest="models", help="A model or agent to limit the key to. May be repeated."
        )
        parser.add_argument("--expires", help="A date or time (2030-12-31, 2030-12-31T18:00) or a span (12h, 30d, 8w).")
        parser.add_argument(
            "--field",
            action="append",
            default=[],
            dest="fields",
            metavar="NAME=VALUE",
            help="A column that the platform's own key model adds. May be repeated.",
        )

    @sensitive_variables("secret")
    def handle(self, *args: Any, **options: Any) -> None:
        key, secret = _issue(
            _key_model(),
            user=_find_user(options["user"]),
            name=options["name"],
            scopes=_known_scopes(options["scopes"]),
            allowed_models=options["models"],
            expires_at=_moment(options["expires"]) if options["expires"] else None,
            extra=options["fields"],
        )
        expiry = f"expires {key.expires_at:%Y-%m-%d %H:%M %Z}" if key.expires_at else "never expires"
        scopes = ", ".join(key.scopes) or "no scopes, so it is refused everywhere"
        self.stderr.write(f"Key {key.name!r} of {key.user.get_username()}: {scopes}; {expiry}. Save it now.")
        self.stdout.write(secret)


def _key_model() -> type[AbstractAPIKey]:
    try:
        model = get_api_key_model()
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    if not issubclass(model, AbstractAPIKey):
        raise CommandError(f"{conf.api_key_model} does not extend AbstractAPIKey. Use the platform's own tools.")
    return model


def _find_user(name: str) -> Any:
    """Find the user by the name for signing in, or by primary key."""
    user_model: Any = get_user_model()
    users = user_model._default_manager
    try:
        return users.get_by_natural_key(name)
    except user_model.DoesNotExist:
        pass
    try:
        return users.get(pk=name)
    except (user_model.DoesNotExist, ValueError, ValidationError):
        raise CommandError(f"There is no user {name!r}.") from None


def _known_scopes(scopes: list[str]) -> list[str]:
    if unknown := sorted(set(scopes) - set(conf.scopes)):
        raise CommandError(f"Unknown scope {', '.join(unknown)}. The scopes are: {', '.join(conf.scopes)}.")
    return scopes


def _moment(text: str) -> datetime:
    """Return a time in the future. A date stands for the end of that day."""
    try:
        moment = _parsed(text)
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise CommandError(f"--expires {text!r} is neither a date nor a span such as 30d.")
    now = timezone.now()
    if timezone.is_naive(moment) != timezone.is_naive(now):  # as the host keeps its times
        moment = timezone.make_naive(moment) if timezone.is_naive(now) else timezone.make_aware(moment)
    if moment <= now:
        raise CommandError(f"--expires {text!r} is in the past.")
    return moment


def _parsed(text: str) -> datetime | None:
    if span := re.fullmatch(r"(\d+)([hdw])", text):
        return timezone.now() + int(span[1]) * _UNITS[span[2]]
    if day := parse_date(text):
        return datetime.combine(day, time.max)
    return parse_datetime(text)


def _issue(model: type[AbstractAPIKey], *, extra: list[str], **fields: Any) -> tuple[Any, str]:
    manager: Any = model._default_manager
    try:
        with transaction.atomic(using=manager.db):
            return manager.issue(**fields, **dict(_column(model, pair) for pair in extra))  # type: ignore[no-any-return]
    except IntegrityError as error:
        raise CommandError(f"The key could not be saved; --field NAME=VALUE sets further columns. {error}") from error


def _column(model: type[AbstractAPIKey], pair: str) -> tuple[str, Any]:
    """One `--field`: a column beyond those of `AbstractAPIKey`, its value converted as the column does."""
    name, _, text = pair.partition("=")
    own = {field.name: field for field in model._meta.concrete_fields if not hasattr(AbstractAPIKey, field.name)}
    if name not in own:
        raise CommandError(f"--field {pair!r}: {model._meta.label} adds no column {name!r}.")
    try:
        return own[name].attname, own[name].to_python(text)
    except ValidationError as error:
        raise CommandError(f"--field {pair!r}: {' '.join(error.messages)}") from error
