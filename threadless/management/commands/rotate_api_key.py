"""`manage.py rotate_api_key`: give a key a new secret. Only the secret goes to stdout, for scripts to capture."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.views.decorators.debug import sensitive_variables

from threadless.keys.models import StaleKey
from threadless.management.keys import find_key, span

MAX_OVERLAP: Final = timedelta(days=90)


class Command(BaseCommand):
    """Checks no permissions: a person who can run commands already controls the server."""

    help = "Give an API key a new secret and print only the secret on stdout. ID, rights and usage stay the same."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", help="ID of the key, as `list_api_keys` shows it.")
        parser.add_argument(
            "--overlap",
            default="0h",
            help="How long the current secret continues to work: a duration (1h, 7d). Default: it ends at once.",
        )

    @sensitive_variables("secret")
    def handle(self, *args: Any, **options: Any) -> None:
        overlap = span(options["overlap"])
        if overlap is None or overlap > MAX_OVERLAP:
            raise CommandError(f"--overlap {options['overlap']!r} is not a duration of at most 90d, such as 24h.")
        key = find_key(options["key"])
        if key.revoked_at is not None or key.is_expired():
            raise CommandError(f"Key {key} is revoked or has expired. Create a new key.")
        try:
            secret = key.rotate(overlap)
        except StaleKey as error:
            raise CommandError(str(error)) from error
        until = f"works until {key.previous_until:%Y-%m-%d %H:%M %Z}" if overlap else "no longer works"
        self.stderr.write(f"Key {key.name!r} of {key.user.get_username()}: the previous secret {until}. Store it now.")
        self.stdout.write(secret)
