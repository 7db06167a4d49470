"""A command that takes long shows its progress, on a terminal only."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management.base import OutputWrapper

from threadless.usage.progress import Progress


class Terminal(StringIO):
    """Somebody looks at it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("file", "quiet_seconds", "shown"),
    [(Terminal(), 3600, ""), (Terminal(), 0, "\r5,000 records \r\x1b[K"), (StringIO(), 0, "")],
    ids=["short", "long", "no terminal"],
)
def test_progress_appears_on_a_terminal_if_it_takes_long(file: StringIO, quiet_seconds: int, shown: str) -> None:
    progress = Progress(OutputWrapper(file), "records", quiet_seconds=quiet_seconds)
    progress.advance(5_000)
    progress.finish()
    assert file.getvalue() == shown
