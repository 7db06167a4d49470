"""`manage.py threadless_purge`: delete old usage records."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from threadless.usage.progress import Progress
from threadless.usage.purge import purge
from threadless.usage.selection import parse_age


class Command(BaseCommand):
    """Safe to interrupt and to repeat: each batch is a separate transaction."""

    help = "Delete usage records of calls that ended long ago, and print their number. Sums and budgets stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--older-than",
            type=parse_age,
            required=True,
            metavar="DAYS",
            help="Delete records of calls that were opened more days ago than this, such as 400d.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        progress = Progress(self.stderr, "records deleted")
        try:
            for deleted in purge(options["older_than"]):
                progress.advance(deleted)
        except KeyboardInterrupt:
            text = f"Interrupted after {progress.count} records. Run the command again to continue."
            raise CommandError(text, returncode=130) from None
        finally:
            progress.finish()
        self.stdout.write(str(progress.count))
