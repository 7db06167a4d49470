"""`docs/wire.md` names tests that exist, and leaves no field and no quirk out."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.wire.quirks import QUIRKS
from threadless.completions.fields import Fields

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "wire.md").read_text()
NODE_IDS = sorted(set(re.findall(r"`(tests/[\w/]+\.py::[^`]+)`", PAGE)))


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("path", sorted({node_id.split("::")[0] for node_id in NODE_IDS}))
def test_tests_that_the_page_names_exist(path: str) -> None:
    named = {node_id.split("::")[1].partition("[")[0] for node_id in NODE_IDS if node_id.startswith(f"{path}::")}
    assert named <= names_in(path)


def test_page_lists_every_request_field() -> None:
    section = PAGE.partition("## Request fields")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(Fields.__struct_fields__)


def test_page_lists_every_quirk() -> None:
    assert set(re.findall(r"test_quirk_of_an_upstream_is_survived\[([^`]+)\]`", PAGE)) == set(QUIRKS)


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.glob("test_*.py")), ids=lambda path: path.stem)
def test_page_names_every_file_of_wire_tests(path: Path) -> None:
    assert path.name == "test_docs.py" or f"`tests/wire/{path.name}::" in PAGE
