"""`manage.py threadless_doctor`: find what `manage.py check` cannot, and say how to fix it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

from threadless.doctor.examination import examine
from threadless.doctor.finding import Finding
from threadless.doctor.live import Live


class Command(BaseCommand):
    """Exit status 1 if there is an error."""

    help = "Examine this installation: middleware, cache, database, clock, sweep, keys; with --live also real calls."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--live", metavar="URL", help="The public address up to our prefix. Makes two real calls.")
        parser.add_argument("--key", help="An API key for --live; '-' reads it from standard input.")
        parser.add_argument("--model", default="", help="The model or agent to call. Default: the first one.")
        parser.add_argument("--json", action="store_true", help="Print one JSON array.")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = list(self._findings(options))
        if options["json"]:
            self.stdout.write(msgspec.json.format(msgspec.json.encode(findings)).decode())
        else:
            self._print(findings)
        if any(finding.level == "error" for finding in findings):
            sys.exit(1)

    def _findings(self, options: dict[str, Any]) -> Iterator[Finding]:
        if options["live"] and not options["key"]:
            raise CommandError("--live needs a --key.")
        yield from examine()
        if options["live"]:
            key = sys.stdin.readline() if options["key"] == "-" else options["key"]
            yield from Live(options["live"], key.strip(), options["model"]).examine()

    def _print(self, findings: list[Finding]) -> None:
        styles = {"ok": self.style.SUCCESS, "warning": self.style.WARNING, "error": self.style.ERROR}
        for finding in findings:
            self.stdout.write(styles[finding.level](f"{finding.level:7} {finding.subject}: {finding.what}"))
            for label, text in (("why", finding.why), ("fix", finding.fix)):
                if text:
                    self.stdout.write(f"        {label}: {text}")
        errors = sum(finding.level == "error" for finding in findings)
        warnings = sum(finding.level == "warning" for finding in findings)
        self.stdout.write(f"Errors: {errors}, warnings: {warnings}.")
