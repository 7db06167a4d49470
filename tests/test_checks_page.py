"""`docs/reference/checks.md` lists every system check."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "reference" / "checks.md").read_text()
ROWS = re.findall(r"^\| `(threadless\.[EW]\d{3})` \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)


def ids_in(source: str) -> set[str]:
    """The ids of checks in a module: string constants such as "threadless.E001"."""
    constants = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str) and re.fullmatch(r"threadless\.[EW]\d{3}", value)}


def test_page_lists_the_ids_of_the_code_in_order() -> None:
    used: set[str] = set().union(*(ids_in(path.read_text()) for path in (ROOT / "threadless").rglob("*.py")))
    assert [check_id for check_id, _, _ in ROWS] == sorted(used)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_row_has_meaning_and_remedy(row: tuple[str, str, str]) -> None:
    assert all(cell.endswith(".") for cell in row[1:])


def test_no_id_is_put_together_from_parts() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "threadless").rglob("*.py"))
    assert not re.search(r"threadless\.[EW]?\{", sources)
