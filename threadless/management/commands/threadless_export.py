"""`manage.py threadless_export`: write usage records as CSV or JSON Lines."""

from __future__ import annotations

import contextlib
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from threadless.usage.export import FORMATS, rows_of
from threadless.usage.progress import Progress
from threadless.usage.selection import add_filter_options, add_range_options, filters_of, range_of, records_of


class Command(BaseCommand):
    """Reads without locks. To continue after an interruption, run it again: the file is replaced."""

    help = "Write usage records to stdout or to a file. The last line states their number."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_range_options(parser)
        add_filter_options(parser)
        parser.add_argument("--format", choices=sorted(FORMATS), help="Default: that of the file's name, or csv.")
        parser.add_argument("--output", metavar="FILE", help="Write to this file instead of stdout.")

    def handle(self, *args: Any, **options: Any) -> None:
        first, last = range_of(options)
        output = options["output"]
        lines, _ = FORMATS[options["format"] or _format_of(output)]
        progress = Progress(self.stderr, "records")
        try:
            rows = rows_of(records_of(first, last, filters_of(options)))
            self._write(lines(_counted(rows, progress)), output)
        except (ValueError, ValidationError, OSError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted. The output is incomplete and has no last line.", returncode=130) from None
        finally:
            progress.finish()

    def _write(self, lines: Iterable[str], output: str | None) -> None:
        with contextlib.ExitStack() as stack:
            file: Any = self.stdout if output is None else stack.enter_context(_create(Path(output)))
            for line in lines:
                file.write(line, ending="") if output is None else file.write(line)


def _create(path: Path) -> Any:
    return path.open("w", encoding="utf-8", newline="")


def _format_of(output: str | None) -> str:
    ending = Path(output or "").suffix.removeprefix(".")
    return ending if ending in FORMATS else "csv"


def _counted(rows: Iterable[tuple[Any, ...]], progress: Progress) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield row
        progress.advance()
