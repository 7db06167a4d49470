"""The manual names only what exists, and its reference pages are complete."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import load_command_class
from django.http import Http404
from rest_framework import exceptions as drf

from tests.support.reference import table
from threadless.api.exception_handler import api_error
from threadless.backends.base import BaseChatBackend
from threadless.backends.dummy import DummyBackend
from threadless.backends.function import FunctionBackend
from threadless.backends.openai import OpenAIBackend
from threadless.backends.payloads import REFUSED_FIELDS
from threadless.completions.fields import Fields
from threadless.exceptions import APIError
from threadless.models import UsageRecord

ROOT = Path(__file__).resolve().parent.parent
MANUAL = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"])
REFERENCE = ROOT / "docs" / "reference"
FOLDERS = ("threadless", "project", "tests", "docs", "benchmarks", "requirements", ".ci")
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")

every_page = pytest.mark.parametrize("page", MANUAL, ids=lambda page: page.relative_to(ROOT).as_posix())


def outside_blocks(page: Path) -> str:
    """The page without its code blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", outside_blocks(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def resolves(path: str) -> bool:
    """True if this dotted path can be imported."""
    module, _, rest = path.partition(".")
    found: Any = importlib.import_module(module)
    for name in rest.split("."):
        if not hasattr(found, name):
            try:
                importlib.import_module(f"{found.__name__}.{name}")
            except (ImportError, AttributeError):
                return False
        found = getattr(found, name)
    return True


@every_page
def test_link_leads_to_a_page_and_a_heading(page: Path) -> None:
    for link in LINK.findall(outside_blocks(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@every_page
def test_dotted_path_can_be_imported(page: Path) -> None:
    found = {code for code in CODE.findall(outside_blocks(page)) if re.fullmatch(r"(threadless|project)(\.\w+)+", code)}
    permissions = {f"threadless.{codename}" for codename, _ in UsageRecord._meta.permissions}
    labels = {code for code in found if re.fullmatch(r"threadless\.[EW]\d+|threadless\.(usage|backends)", code)}
    assert {code for code in found - permissions - labels if not resolves(code)} == set()


@every_page
def test_file_exists(page: Path) -> None:
    paths = {code.partition("::")[0] for code in CODE.findall(outside_blocks(page)) if code.startswith(FOLDERS)}
    files = {path for path in paths if "/" in path and " " not in path and "*" not in path and "…" not in path}
    assert {path for path in files if not (ROOT / path).exists()} == set()


@every_page
def test_page_does_not_mention_a_place_outside_the_repository(page: Path) -> None:
    assert not re.search(r"/work/|/root/|/tmp/", page.read_text())


def test_index_links_every_page() -> None:
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")} - {"index.md"}
    linked = {link.partition("#")[0] for link in LINK.findall((ROOT / "docs" / "index.md").read_text())}
    assert pages <= linked


def test_api_page_lists_every_request_field() -> None:
    section = (ROOT / "docs" / "api.md").read_text().partition("## Request fields\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(Fields.__struct_fields__)


def errors() -> Iterator[tuple[str, str, str]]:
    """Status, type and code of every failure that the app can answer with."""
    kinds = [APIError]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__module__.startswith("threadless."):
            yield str(kind.status_code), kind.type, str(kind.code)
    others = (drf.PermissionDenied(), drf.MethodNotAllowed("GET"), drf.Throttled(), drf.NotAuthenticated(), Http404())
    for error in map(api_error, others):
        yield str(error.status_code), error.type, str(error.code)


def codes_raised() -> set[str]:
    """The codes that are given where an error is raised."""
    rooms = ("api", "calls", "completions", "backends", "dialects", "usage", "keys")
    paths = [path for room in rooms for path in (ROOT / "threadless" / room).rglob("*.py")]
    keywords = (
        node for path in paths for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.keyword)
    )
    return {
        node.value.value
        for node in keywords
        if node.arg == "code" and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }


def test_error_page_has_a_row_for_every_error() -> None:
    rows = {tuple(row[:3]) for row in table("errors.md", "Status, type and code")}
    assert set(errors()) <= rows
    assert codes_raised() <= {code for _, _, code in rows}


def test_error_page_lists_only_codes_of_the_app() -> None:
    rows = table("errors.md", "Status, type and code")
    source = "".join(path.read_text() for path in (ROOT / "threadless").rglob("*.py"))
    assert [row[2] for row in rows if f'"{row[2]}"' not in source] == []


@pytest.mark.parametrize(
    "command", [path.stem for path in (ROOT / "threadless/management/commands").glob("*.py") if path.stem != "__init__"]
)
def test_command_page_lists_every_option(command: str) -> None:
    own = {"-h", "--help", "--version", "--verbosity", "-v", "--settings", "--pythonpath", "--traceback"}
    own |= {"--no-color", "--force-color", "--skip-checks"}
    parser = load_command_class("threadless", command).create_parser("manage.py", command)
    options = {option for action in parser._actions for option in action.option_strings} - own
    assert f"\n## {command}\n" in (REFERENCE / "commands.md").read_text()
    assert {row[0] for row in table("commands.md", command)} == options


def test_ledger_page_lists_every_column_in_order() -> None:
    assert [row[0] for row in table("ledger.md", "Columns")] == [field.name for field in UsageRecord._meta.fields]


def test_ledger_page_lists_every_state_and_source() -> None:
    assert [row[0] for row in table("ledger.md", "States")] == UsageRecord.State.values
    sources = {row[0] for row in table("ledger.md", "Who counted")}
    assert sources == {source or "empty" for source in UsageRecord.Source.values}


def shown(default: object) -> str:
    """A default as the page shows it."""
    if default is inspect.Parameter.empty:
        return "required"
    return "REFUSED_FIELDS" if default is REFUSED_FIELDS else str(default)


@pytest.mark.parametrize("backend", [OpenAIBackend, FunctionBackend, DummyBackend])
def test_backend_page_lists_every_option_with_its_default(backend: type[BaseChatBackend]) -> None:
    parameters = list(inspect.signature(backend).parameters.values())
    expected = {each.name: shown(each.default) for each in parameters if each.name != "alias"}
    rows = table("backends.md", backend.__name__)
    assert {row[0]: row[1].replace('"', "") for row in rows} == expected


def test_backend_page_lists_every_member_of_the_base_class() -> None:
    public = {name for name in vars(BaseChatBackend) if not name.startswith("_")}
    assert {row[0].partition("(")[0] for row in table("backends.md", "Your own backend")} == public


def test_performance_page_quotes_the_runs_of_chaos() -> None:
    names = ("chaos_books.md", "chaos_disturbances.md")
    pages = [(ROOT / "benchmarks/results" / name).read_text() for name in names]
    quoted = re.findall(r"(\d+) (?:runs|admitted|faults)", outside_blocks(ROOT / "docs" / "performance.md"))
    assert len(quoted) > 4
    assert [number for number in quoted if not any(number in page for page in pages)] == []


def test_picture_of_the_architecture_names_modules_that_exist() -> None:
    picture = (ROOT / "docs" / "architecture.md").read_text().partition("```text")[2].partition("```")[0]
    named = {first or second for first, second in re.findall(r"(\w+)/?(?= ·)|(?<=· )(\w+)", picture)}
    parts = {path.stem for path in (ROOT / "threadless").rglob("*.py")}
    packages = {path.parent.name for path in (ROOT / "threadless").rglob("__init__.py")}
    assert len(named) > 30
    assert named <= parts | packages


def test_every_page_has_a_place_on_the_documentation_site() -> None:
    entries = set(re.findall(r"file: (\S+)", (ROOT / "docs" / "_toc.yml").read_text()))
    pages = {page.relative_to(ROOT).with_suffix("").as_posix() for page in MANUAL if page.parent != REFERENCE}
    assert pages <= entries | {"docs/index"}
