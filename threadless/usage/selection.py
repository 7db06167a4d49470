"""Usage records by range of days and by column, for commands."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from django.db import router
from django.db.models import QuerySet

from threadless.usage.days import end_of_month, start_of_day, today
from threadless.usage.models import UsageRecord

FILTERS: Final = {
    "account": "account", "key": "key_id", "user_id": "user_id", "model": "model", "operation": "operation",
    "state": "state", "error_code": "error_code",
}  # fmt: skip
"""Options of commands, with the columns that they filter by."""


def add_range_options(parser: ArgumentParser) -> None:
    """`--from`, `--to` and `--month`."""
    parser.add_argument("--from", dest="first", type=parse_day, help="First day, such as 2030-12-01.")
    parser.add_argument("--to", dest="last", type=parse_day, help="Last day. Default: today.")
    parser.add_argument("--month", type=_month, help="A whole month, such as 2030-12, instead of --from and --to.")


def add_filter_options(parser: ArgumentParser) -> None:
    """One option for each entry of `FILTERS`."""
    for name, column in FILTERS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", help=f"Only calls with this value of {column}.")


def range_of(options: Mapping[str, Any]) -> tuple[date | None, date]:
    """The first day, None without a limit, and the last day."""
    if options["month"] is not None:
        first: date = options["month"]
        return first, end_of_month(first)
    return options["first"], options["last"] or today()


def filters_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The given filters, by column."""
    return {column: options[name] for name, column in FILTERS.items() if options[name] is not None}


def records_of(first: date | None, last: date, filters: Mapping[str, Any]) -> QuerySet[UsageRecord]:
    """The records of these days."""
    records = UsageRecord.objects.using(router.db_for_read(UsageRecord)).filter(**filters)
    records = records.filter(opened_at__lt=start_of_day(last + timedelta(days=1)))
    return records if first is None else records.filter(opened_at__gte=start_of_day(first))


def parse_day(text: str) -> date:
    """A day of the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a day, such as 2030-12-31") from None


def parse_age(text: str) -> int:
    """A number of days of the command line, such as `400d` or `400`."""
    if not (found := re.fullmatch(r"([1-9][0-9]{0,4})d?", text)):
        raise ArgumentTypeError(f"{text!r} is not a number of days, such as 400d")
    return int(found[1])


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a month, such as 2030-12") from None
