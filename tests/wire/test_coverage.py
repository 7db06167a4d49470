"""`COVERAGE.md` names tests that exist, and every file of wire tests."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = Path(__file__).with_name("COVERAGE.md").read_text()
NODE_IDS = sorted(set(re.findall(r"`(tests/[\w/]+\.py::[^`]+)`", PAGE)))


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("path", sorted({node_id.split("::")[0] for node_id in NODE_IDS}))
def test_tests_that_the_page_names_exist(path: str) -> None:
    named = {node_id.split("::")[1].partition("[")[0] for node_id in NODE_IDS if node_id.startswith(f"{path}::")}
    assert named <= names_in(path)


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.glob("test_*.py")), ids=lambda path: path.stem)
def test_page_names_every_file_of_wire_tests(path: Path) -> None:
    assert path.name == "test_coverage.py" or f"`tests/wire/{path.name}::" in PAGE
