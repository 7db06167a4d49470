"""`manage.py threadless_rollup`: compute the sums of days and months."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from threadless.reports.rollup import due_days, ledger_database, roll_up, roll_up_months
from threadless.usage.days import today


class Command(BaseCommand):
    """Safe to run at any time, to interrupt and to repeat: each day and month is replaced in a separate transaction."""

    help = "Compute the sums of the days that are due. With --from and --to: of all days in this range."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="start", type=_day, help="First day, such as 2030-12-31.")
        parser.add_argument("--to", dest="end", type=_day, help="Last day. Default: today.")

    def handle(self, *args: Any, **options: Any) -> None:
        for day in self._days(options["start"], options["end"]):
            calls = roll_up(day)
            self.stdout.write(f"{day:%Y-%m-%d} {calls}")
        roll_up_months()

    def _days(self, start: date | None, end: date | None) -> list[date]:
        end = end or today()
        if start is None:
            return [day for day, _made_at in due_days(ledger_database()) if day <= end]
        if start > end:
            raise CommandError("--from must not be after --to.")
        return [start + timedelta(days=number) for number in range((end - start).days + 1)]


def _day(text: str) -> date:
    return date.fromisoformat(text)
