"""`manage.py threadless_parity`: do regular chats and the endpoint send the same payload to the upstream?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from threadless.exceptions import NotAuthenticated
from threadless.testing.histories import SAMPLES, read_histories
from threadless.testing.parity import IGNORED, Parity, ParityError, compare
from threadless.types import JSONObject


class Command(BaseCommand):
    """Exit status 1 if a payload differs, or if nothing was compared."""

    help = "Compare the payloads that the platform's regular chat and the endpoint send to the upstream."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--chat", required=True, help="Dotted path of the function that runs a regular chat.")
        parser.add_argument("--key", required=True, help="An API key; '-' reads it from standard input.")
        parser.add_argument("--model", required=True, help="The model or agent to call.")
        parser.add_argument(
            "--sample", action="append", choices=list(SAMPLES), help="A built-in history. Default: all."
        )
        parser.add_argument("--history", type=Path, help="A JSON file with histories, in place of the samples.")
        parser.add_argument("--ignore", action="append", default=[], help="A field that is not compared.")
        parser.add_argument("--redirect", help="Dotted path of a context manager that gets the recorder's address.")

    def handle(self, *args: Any, **options: Any) -> None:
        key = sys.stdin.readline() if options["key"] == "-" else options["key"]
        given = {
            "key": key.strip(),
            "model": options["model"],
            "ignored": IGNORED | set(options["ignore"]),
            "redirect": _imported(options["redirect"]) if options["redirect"] else None,
        }
        chat = _imported(options["chat"])
        results = [self._compare(chat, name, body, given) for name, body in _histories(options).items()]
        if all(result.skipped for result in results):
            raise CommandError("Nothing was compared.")
        if not all(result.is_same for result in results):
            sys.exit(1)

    def _compare(self, chat: Any, name: str, history: JSONObject, given: dict[str, Any]) -> Parity:
        try:
            result = compare(chat, history, **given)
        except (ParityError, NotAuthenticated) as error:
            raise CommandError(f"{name}: {error}") from error
        if result.skipped:
            self.stdout.write(self.style.WARNING(f"skipped {name}: {result.skipped}"))
        elif result.is_same:
            self.stdout.write(self.style.SUCCESS(f"same    {name}: {len(result.regular)} payload(s)"))
        else:
            self.stdout.write(self.style.ERROR(f"differs {name}:"))
            self.stdout.write(result.difference)
        return result


def _imported(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError as error:
        raise CommandError(str(error)) from error


def _histories(options: dict[str, Any]) -> dict[str, JSONObject]:
    if not options["history"]:
        return {name: SAMPLES[name] for name in options["sample"] or SAMPLES}
    if options["sample"]:
        raise CommandError("Give either --sample or --history.")
    try:
        return read_histories(options["history"])
    except (OSError, ValueError) as error:
        raise CommandError(f"{options['history']}: {error}") from error
