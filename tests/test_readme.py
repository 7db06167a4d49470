"""What the README says of settings, code and lines is what the code does."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

import pytest
from django.utils.module_loading import import_string

from threadless.conf import DEFAULTS
from threadless.keys.secrets import SECRET_PATTERN, generate

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text()
TABLE = dict(re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", TEXT, re.MULTILINE))
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)]


def test_settings_table_names_every_setting() -> None:
    assert list(TABLE) == list(DEFAULTS)


@pytest.mark.parametrize("name", [name for name, shown in TABLE.items() if re.fullmatch(r"`[^…]+`", shown)])
def test_settings_table_shows_the_default(name: str) -> None:
    shown = TABLE[name].strip("`")
    default = DEFAULTS[name]
    assert shown == default or ast.literal_eval(shown) == default


@pytest.mark.parametrize("path", [value for value in DEFAULTS.values() if isinstance(value, str) and "." in value])
def test_settings_default_path_imports(path: str) -> None:
    assert import_string(path)


@pytest.mark.parametrize("block", BLOCKS)
def test_python_block_is_valid(block: str) -> None:
    assert ast.parse(block)


def test_readme_is_under_250_lines() -> None:
    assert len(TEXT.splitlines()) < 250


def test_scanner_pattern_finds_a_new_secret() -> None:
    [pattern] = re.findall(r"secret scanners:\n\s+`(.+)`", TEXT)
    assert re.search(pattern, f"key = {generate('tl')!r}")
    assert SECRET_PATTERN.fullmatch(generate("tl"))


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)\)", TEXT))
def test_link_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


def test_gateway_of_the_example_is_under_120_lines() -> None:
    assert len((ROOT / "project" / "gateway.py").read_text().splitlines()) < 120
