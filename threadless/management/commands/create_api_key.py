"""`manage.py create_api_key`: create an API key. Only the secret goes to stdout, so that scripts can capture it."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime, time
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.views.decorators.debug import sensitive_variables

from threadless.keys.models import AbstractAPIKey
from threadless.keys.scopes import known_scopes
from threadless.management.keys import find_user, key_model, span


class Command(BaseCommand):
    """Checks no permissions: a person who can run commands already controls the server."""

    help = "Create an API key and print only the key on stdout. It cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, help="User name or primary key of the user that the key acts for.")
        parser.add_argument("--name", required=True, help="What the key is for.")
        parser.add_argument(
            "--scope",
            action="append",
            default=[],
            dest="scopes",
            help="A scope of the key. May be repeated. A key without scopes is refused everywhere.",
        )
        parser.add_argument(
            "--model", action="append", dest="models", help="Limit the key to this model or agent. May be repeated."
        )
        parser.add_argument(
            "--expires", help="A date (2030-12-31), a time (2030-12-31T18:00) or a duration (12h, 30d, 8w)."
        )
        parser.add_argument(
            "--field",
            action="append",
            default=[],
            dest="fields",
            metavar="NAME=VALUE",
            help="Set a column that the platform's key model adds. May be repeated.",
        )

    @sensitive_variables("secret")
    def handle(self, *args: Any, **options: Any) -> None:
        key, secret = _issue(
            key_model(),
            user=find_user(options["user"]),
            name=options["name"],
            scopes=_known_scopes(options["scopes"]),
            allowed_models=options["models"],
            expires_at=_moment(options["expires"]) if options["expires"] else None,
            extra=options["fields"],
        )
        expiry = f"expires {key.expires_at:%Y-%m-%d %H:%M %Z}" if key.expires_at else "never expires"
        scopes = ", ".join(key.scopes) or "no scope, so it is refused everywhere"
        self.stderr.write(f"Key {key.name!r} of {key.user.get_username()}: {scopes}; {expiry}. Store it now.")
        self.stdout.write(secret)


def _known_scopes(scopes: list[str]) -> list[str]:
    known = known_scopes()
    if unknown := sorted(set(scopes) - set(known)):
        raise CommandError(f"Unknown scope {', '.join(unknown)}. Known scopes: {', '.join(known)}.")
    return scopes


def _moment(text: str) -> datetime:
    """A time in the future. A date means the end of that day."""
    try:
        moment = _parsed(text)
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise CommandError(f"--expires {text!r} is not a date, a time or a duration such as 30d.")
    now = timezone.now()
    if timezone.is_naive(moment) != timezone.is_naive(now):  # the host may run with USE_TZ = False
        moment = timezone.make_naive(moment) if timezone.is_naive(now) else timezone.make_aware(moment)
    if moment <= now:
        raise CommandError(f"--expires {text!r} is in the past.")
    return moment


def _parsed(text: str) -> datetime | None:
    if (duration := span(text)) is not None:
        return timezone.now() + duration
    if day := parse_date(text):
        return datetime.combine(day, time.max)
    return parse_datetime(text)


def _issue(model: type[AbstractAPIKey], *, extra: list[str], **fields: Any) -> tuple[Any, str]:
    manager: Any = model._default_manager
    try:
        with transaction.atomic(using=manager.db):
            return manager.issue(**fields, **dict(_column(model, pair) for pair in extra))  # type: ignore[no-any-return]
    except IntegrityError as error:
        raise CommandError(
            f"The key could not be saved. Use --field NAME=VALUE to set further columns. {error}"
        ) from error


def _column(model: type[AbstractAPIKey], pair: str) -> tuple[str, Any]:
    """Name and converted value of one `--field`. Only columns that `AbstractAPIKey` does not have are accepted."""
    name, _, text = pair.partition("=")
    own = {field.name: field for field in model._meta.concrete_fields if not hasattr(AbstractAPIKey, field.name)}
    if name not in own:
        raise CommandError(f"--field {pair!r}: {model._meta.label} has no additional column {name!r}.")
    try:
        return own[name].attname, own[name].to_python(text)
    except ValidationError as error:
        raise CommandError(f"--field {pair!r}: {' '.join(error.messages)}") from error
