"""`manage.py revoke_api_key`: end keys, by ID or by the secret itself, as for a key that has leaked."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.views.decorators.debug import sensitive_variables

from threadless.keys import secrets
from threadless.keys.models import AbstractAPIKey
from threadless.management.keys import find_key, key_model


class Command(BaseCommand):
    """Reads secrets from standard input only: arguments are visible to other users and stay in the shell's history."""

    help = "Revoke API keys. New requests with them are refused; running calls continue to their end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("keys", nargs="*", metavar="key", help="IDs of keys, as `list_api_keys` shows them.")
        parser.add_argument(
            "--secret",
            action="store_true",
            help="Read the secret of a key from standard input. Also finds the previous secret of a rotated key.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["keys"]) == options["secret"]:
            raise CommandError("Give either IDs of keys or --secret.")
        keys = [_key_with(_read_secret())] if options["secret"] else [find_key(key) for key in options["keys"]]
        for key in keys:
            was_revoked = key.revoked_at is not None
            key.revoke()
            text = "was already revoked" if was_revoked else "was revoked"
            self.stdout.write(f"Key {key.pk} {text}: {key} of {key.user.get_username()}.")


@sensitive_variables()
def _read_secret() -> str:
    return (getpass("Secret: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()


@sensitive_variables()
def _key_with(secret: str) -> AbstractAPIKey:
    """The key whose present or previous secret this is. Messages must not contain the secret."""
    model: Any = key_model()
    if not secrets.is_well_formed(secret):
        raise CommandError("This is not the complete secret of a key: its format or its checksum is wrong.")
    digest = secrets.digest(secret)
    keys = model._default_manager.select_related("user")
    found: AbstractAPIKey | None = keys.filter(Q(digest=digest) | Q(previous_digest=digest)).first()
    if found is None:
        raise CommandError("No key has this secret.")
    return found
