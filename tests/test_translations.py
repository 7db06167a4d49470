"""Every text of a page can be translated, and the German translation is complete."""

from __future__ import annotations

import ast
import gettext
import re
import shutil
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final, TypeGuard

import django
import pytest
from django.template.base import Lexer, TokenType

import threadless
from tests.support.translations import extract

PACKAGE = Path(threadless.__file__).parent
CATALOGS = sorted(path.parents[2] for path in PACKAGE.rglob("locale/de/LC_MESSAGES/django.po"))
ENGLISH: Final = {"reference.html", "reference_fields.html"}
"""The page of the API reference: the API and its description are in English."""
TEMPLATES = sorted(path for path in PACKAGE.rglob("*.html") if path.name not in ENGLISH)
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)

LABELS: Final = {"description", "empty_label", "help_text", "label", "verbose_name", "verbose_name_plural"}
"""Arguments and attributes whose value people read in a browser."""
SPOKEN: Final = {"alt", "aria-label", "placeholder", "title"}
"""Attributes of HTML that people read or hear."""
NAMES: Final = {
    *("CSV", "Ctrl", "Enter", "Esc", "HTTP", "JSON Lines", "Node", "Open WebUI", "Python", "curl", "openapi.json"),
    *("LangChain", "Top p", "https://", "delete-confirmation"),
    *("auto", "none", "required", "minimal", "low", "medium", "high", "xhigh"),
}
"""Names and values that are the same in every language, and the name of a class of style sheets."""


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, whose catalogs are up to date with its code."""
    if shutil.which("xgettext") is None:
        pytest.skip("no GNU gettext on the path")
    copy = tmp_path_factory.mktemp("package") / "threadless"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    extract(copy)
    return copy


def catalog(extracted: Path, folder: Path) -> Path:
    return extracted / folder.relative_to(PACKAGE) / "de" / "LC_MESSAGES" / "django.po"


def test_each_app_with_texts_has_a_catalog() -> None:
    apps = {path.parent.relative_to(PACKAGE).as_posix() for path in CATALOGS}
    assert apps == {".", "budgets", "reports", "self_service"}


@pytest.mark.parametrize("folder", CATALOGS, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("fault", ["--untranslated", "--only-fuzzy"])
def test_german_is_complete(extracted: Path, folder: Path, fault: str) -> None:
    command = ["msgattrib", fault, "--no-obsolete", str(catalog(extracted, folder))]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert re.findall(r'^msgid (?!"")(.*)', found, re.MULTILINE) == []


@pytest.mark.parametrize("folder", CATALOGS, ids=lambda path: path.parent.name)
def test_compiled_catalog_has_the_same_texts(extracted: Path, folder: Path, tmp_path: Path) -> None:
    compiled = tmp_path / "django.mo"
    check = ["msgfmt", "--check-format", "--check-domain", "-o", str(compiled), str(catalog(extracted, folder))]
    subprocess.run(check, check=True, capture_output=True)
    assert texts(folder / "de" / "LC_MESSAGES" / "django.mo") == texts(compiled)


@pytest.mark.parametrize("folder", CATALOGS, ids=lambda path: path.parent.name)
def test_no_text_is_translated_otherwise_by_django(folder: Path) -> None:
    """Of two catalogs with the same text the host's INSTALLED_APPS choose one. A context keeps ours apart."""
    ours = entries(folder / "de" / "LC_MESSAGES" / "django.mo")
    for theirs in map(entries, Path(django.__file__).parent.rglob("locale/de/LC_MESSAGES/django.mo")):
        assert {text: theirs[text] for text in ours.keys() & theirs.keys() if ours[text] != theirs[text]} == {}


def entries(compiled: Path) -> dict[str, str]:
    """Translations by text, with its context, without plural forms."""
    with compiled.open("rb") as file:
        catalog = vars(gettext.GNUTranslations(file))["_catalog"]
    return {text: translated for text, translated in catalog.items() if text and isinstance(text, str)}


def texts(compiled: Path) -> str:
    """The entries of a compiled catalog, without its header."""
    found = subprocess.run(["msgunfmt", compiled], check=True, capture_output=True, text=True).stdout
    return found.partition("\n\n")[2]


class _Texts(HTMLParser):
    """Collects what people read or hear of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside += [tag] if tag in ("code", "pre", "script", "style") else []
        self.found += [value or "" for name, value in attrs if name in SPOKEN]

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        self.found += [] if self._inside else [data]


def outside_translations(template: str) -> Iterator[str]:
    """The source of a template without its tags, variables and translated blocks."""
    is_translated = False
    for token in Lexer(template).tokenize():
        if token.token_type == TokenType.BLOCK and token.contents.split()[0] in ("blocktranslate", "endblocktranslate"):
            is_translated = not token.contents.startswith("end")
        elif token.token_type == TokenType.TEXT and not is_translated:
            yield token.contents


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template_has_no_text_in_one_language(path: Path) -> None:
    parser = _Texts()
    parser.feed("".join(outside_translations(path.read_text())))
    texts = {text.strip() for text in parser.found if re.search(r"[A-Za-z]{2}", text)}
    assert {text for text in texts - NAMES if text[0] not in "[{"} == set()  # without examples in JSON


def is_label(node: ast.AST) -> TypeGuard[ast.keyword | ast.Assign]:
    """Whether the value of this argument or assignment is read by people."""
    if isinstance(node, ast.Assign):
        return any(isinstance(each, ast.Name) and each.id in LABELS for each in node.targets)
    return isinstance(node, ast.keyword) and node.arg in LABELS


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_label_can_be_translated(path: Path) -> None:
    values = [node.value for node in ast.walk(ast.parse(path.read_text())) if is_label(node)]
    plain = [each.value for each in values if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    assert [text for text in plain if not re.fullmatch("[a-z_]+", text)] == []  # without names of our code
