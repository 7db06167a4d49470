"""`manage.py threadless_erase`: remove a person from the ledger."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from threadless.usage.erasure import erase_user
from threadless.usage.progress import Progress


class Command(BaseCommand):
    """Safe to interrupt and to repeat. Checks no permissions: a person who can run it controls the server."""

    help = "Remove a person from usage records and sums, and print the number of changed records. The sums stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--user", metavar="NAME", help="User name of the person.")
        who.add_argument("--user-id", metavar="ID", help="Primary key of the person, also of a deleted user.")

    def handle(self, *args: Any, **options: Any) -> None:
        user_id = _user_id(options["user"], options["user_id"])
        progress = Progress(self.stderr, "records erased")
        try:
            for changed in erase_user(user_id):
                progress.advance(changed)
        except KeyboardInterrupt:
            text = f"Interrupted after {progress.count} records. Run the command again to continue."
            raise CommandError(text, returncode=130) from None
        finally:
            progress.finish()
        self.stdout.write(str(progress.count))


def _user_id(name: str | None, pk: str | None) -> Any:
    model: Any = get_user_model()
    if pk is not None:
        try:
            return model._meta.pk.to_python(pk)
        except ValidationError as error:
            raise CommandError(f"--user-id {pk!r} is not a primary key of a user.") from error
    try:
        return model._default_manager.get_by_natural_key(name).pk
    except model.DoesNotExist:
        hint = "For a deleted user, name the primary key with --user-id."
        raise CommandError(f"User {name!r} does not exist. {hint}") from None
