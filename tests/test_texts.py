"""The texts that a person reads are listed in `tests/texts.txt` and use plain English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.texts import OUTPUT, ROOT, prose, render, sources, texts

REFUSED = re.compile(
    r"(?<!there )\b(?:is|are) none\b|"
    r"(?i:\b("
    r"is nobody|is no(?: [a-z]+)? (?:number|address|list|object)|no number|knows nothing of|"
    r"(?:is|are) told|to be had|wants? (?:to|an?|the)|whoever|whatever|whichever|"
    r"anew|time-outs?|beforehand|by itself|by themselves|of (?:its|their) own accord|for ever|"
    r"mended|mends|heeded|judged|judges|bears?|the like|seams?|plugs?|plugged|what was seen|books of|turns? up"
    r")\b)"
)
"""Phrases that are riddles, archaic, or replaced by one standard term (timeout, if, again, must)."""


def test_list_of_texts_is_current() -> None:
    assert OUTPUT.read_text() == render(), "Run `python -m tests.texts` and read the diff."


@pytest.mark.parametrize("path", sources(), ids=str)
def test_text_uses_no_refused_phrase(path: Path) -> None:
    found = prose(path)
    assert [found[max(match.start() - 40, 0) : match.end() + 40] for match in REFUSED.finditer(found)] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("threadless/exceptions.py", "The model '{name}' does not exist or you do not have access to it."),
        ("threadless/templates/threadless/playground/settings.html", "Model or agent"),
        ("threadless/management/commands/create_api_key.py", "What the key is for."),
        ("README.md", "## Settings"),
    ],
)
def test_text_of_each_kind_of_file_is_listed(path: str, text: str) -> None:
    assert text in texts(Path(path))


def test_comment_and_docstring_are_searched_for_refused_phrases() -> None:
    assert (ROOT / "tests" / "texts.py").exists()
    found = prose(Path("tests/texts.py"))
    assert "grouped by file" in found
    assert "type: ignore" in found
