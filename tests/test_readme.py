"""The README agrees with the code, and its links lead somewhere."""

from __future__ import annotations

import ast
import math
import re
import textwrap
import tomllib
from pathlib import Path

import pytest

from tests.support.settings_table import PAGES, with_table
from threadless.keys.secrets import SECRET_PATTERN, generate

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text()
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)]


@pytest.mark.parametrize(("page", "group"), PAGES.items())
def test_table_of_settings_is_up_to_date(page: str, group: str) -> None:
    text = (ROOT / page).read_text()
    assert with_table(text, group) == text, "Run `python -m tests.support.settings_table`."


@pytest.mark.parametrize("text", ["", TEXT * 2])
def test_text_without_exactly_one_table_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="tables of settings instead of one"):
        with_table(text, PAGES["README.md"])


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


def test_versions_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions: dict[str, list[tuple[int, ...]]] = {"Python": [], "Django": []}
    for name, major, minor in re.findall(r"(Python|Django) :: (\d+)\.(\d+)", "\n".join(project["classifiers"])):
        versions[name].append((int(major), int(minor)))
    ranges = {
        name: ".".join(map(str, min(each))) + " to " + ".".join(map(str, max(each))) for name, each in versions.items()
    }
    assert f"Python {ranges['Python']}, Django {ranges['Django']};" in TEXT


def test_secret_has_the_number_of_random_bits_that_is_claimed() -> None:
    [bits] = re.findall(r"(\d+) random bits", TEXT)
    random_part = generate("tl").split("_")[1]
    assert int(len(random_part) * math.log2(62)) == int(bits)


def test_benchmark_ran_the_claimed_streams_without_an_error() -> None:
    assert "one worker carries 1,000 paced streams without an error" in " ".join(TEXT.split())
    results = (ROOT / "benchmarks" / "results" / "performance.md").read_text()
    [row] = re.findall(r"^\| 1,000 streams opened within 2 s, one worker: no error .*$", results, re.MULTILINE)
    assert row.split(" | ")[1] == "0 errors"
