"""`manage.py threadless_report`: the sums of a range of days, for a terminal, a spreadsheet or a script."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from threadless.reports.queries import GROUPS, NotRolledUp, Period, sums
from threadless.reports.sums import NUMBERS, Sums
from threadless.usage.days import today
from threadless.usage.export import csv_lines, json_lines
from threadless.usage.selection import add_filter_options, add_range_options, filters_of, range_of

_TIMES: Final = ("first_token_p50_ms", "first_token_p95_ms")
_NAMES: Final = {"key": "key_id", "user": "user_id", "error": "error_code"}
"""Short names of dimensions."""


class Command(BaseCommand):
    """Reads only sums, so it takes well under a second at any size of the ledger."""

    help = "Print sums of calls, tokens and cost. The first day is by default the first one of the month."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_range_options(parser)
        add_filter_options(parser)
        parser.add_argument("--by", type=_dimensions, default=["day"], help="Comma list, such as key,model.")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--csv", action="store_true", help="Print CSV.")
        form.add_argument("--json", action="store_true", help="Print JSON Lines.")

    def handle(self, *args: Any, **options: Any) -> None:
        first, last = range_of(options)
        period = Period(first or today().replace(day=1), last)
        if period.length < 1:
            raise CommandError("--from must not be after --to.")
        by = options["by"]
        try:
            found = sums(period, by, filters_of(options))
        except (NotRolledUp, ValueError, ValidationError) as error:
            raise CommandError(str(error)) from error
        columns, rows = [*by, *NUMBERS, *_TIMES], _rows(found)
        lines = json_lines(rows, columns) if options["json"] else csv_lines(rows, columns)
        for line in lines if options["json"] or options["csv"] else _aligned([columns, *rows]):
            self.stdout.write(line, ending="")


def _rows(found: dict[tuple[Any, ...], Sums]) -> list[tuple[Any, ...]]:
    ordered = sorted(found.items(), key=lambda item: tuple(map(str, item[0])))
    return [
        (*group, *(getattr(each, name) for name in NUMBERS), each.first_token_ms(0.5), each.first_token_ms(0.95))
        for group, each in ordered
    ]


def _aligned(rows: list[Iterable[Any]]) -> Iterator[str]:
    """Columns for a terminal: numbers are aligned to the right."""
    cells = [["–" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = len(widths) - len(NUMBERS) - len(_TIMES)
    for row in cells:
        texts = [
            text.ljust(width) if number < left else text.rjust(width)
            for number, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(texts).rstrip() + "\n"


def _dimensions(text: str) -> list[str]:
    names = [_NAMES.get(name, name) for name in text.split(",") if name]
    if not names or not set(names) <= set(GROUPS):
        raise ArgumentTypeError(f"{text!r} is not one of {', '.join(GROUPS)}, or a comma list of them")
    return names
