"""The house rules: layers, sizes, and which room may use what."""

from __future__ import annotations

import ast
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES = 300
FUNCTION_LINES = 30
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "services", "service", "misc", "base_utils", "core"}


def modules(*packages: str) -> list[Path]:
    """The Python files of these packages, without what Django writes."""
    found = (path for package in packages for path in (ROOT / package).rglob("*.py"))
    return sorted(path.relative_to(ROOT) for path in found if "migrations" not in path.parts)


OURS = modules("threadless")
ALL = modules("threadless", "project")
every_module = pytest.mark.parametrize("path", ALL, ids=str)


def tree(path: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse((ROOT / path).read_text())


def imported(path: Path) -> set[str]:
    """Everything that a module imports, at its top or within a function: `a.b` and `a.b.c` for `from a.b import c`."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def importers(package: str, paths: list[Path] = ALL) -> set[str]:
    """The modules that import something of this package."""
    names = {path.as_posix(): imported(path) for path in paths}
    return {path for path, found in names.items() if any(f"{name}.".startswith(f"{package}.") for name in found)}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a module."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_layers_hold() -> None:
    command = Path(sysconfig.get_path("scripts")) / "lint-imports"
    if not command.exists():
        pytest.skip("import-linter is not installed here; the extra `lint` brings it")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


@every_module
def test_file_is_no_longer_than_a_reader_bears(path: Path) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= FILE_LINES


@every_module
def test_function_is_no_longer_than_a_screen(path: Path) -> None:
    sizes = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions(path)}
    assert {name: lines for name, lines in sizes.items() if lines > FUNCTION_LINES} == {}


@every_module
def test_file_is_named_after_what_it_holds(path: Path) -> None:
    assert not BANNED_NAMES & {*path.parts[:-1], path.stem}


@every_module
def test_module_says_what_it_is_for(path: Path) -> None:
    module = tree(path)
    assert ast.get_docstring(module) or not module.body


# The types of the wire are left out: name and fields are the OpenAI reference's own, and nothing is to be added.
@pytest.mark.parametrize("path", [path for path in OURS if path.name != "fields.py"], ids=str)
def test_public_class_and_function_say_what_they_are_for(path: Path) -> None:
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    public = [node for node in tree(path).body if isinstance(node, kinds) and not node.name.startswith("_")]
    assert [node.name for node in public if not ast.get_docstring(node)] == []


def test_settings_of_django_are_read_in_one_place() -> None:
    in_models = {"threadless/keys/models.py", "threadless/usage/models.py"}
    assert importers("django.conf", OURS) == {"threadless/conf.py", *in_models}


@pytest.mark.parametrize("path", ["threadless/keys/models.py", "threadless/usage/models.py"])
def test_models_ask_the_settings_for_the_user_model_alone(path: str) -> None:
    asked = {
        node.attr
        for node in ast.walk(tree(Path(path)))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "settings"
    }
    assert asked == {"AUTH_USER_MODEL"}


@pytest.mark.parametrize(
    ("package", "module"), [("requests", "pool"), ("urllib3", "response"), ("httptools", "parser")]
)
def test_library_of_the_http_client_is_used_in_one_file(package: str, module: str) -> None:
    assert importers(package, OURS) == {f"threadless/backends/upstream/{module}.py"}


def test_environment_of_the_example_is_declared_in_one_file() -> None:
    assert importers("environ") == {"project/settings.py"}


def test_app_reads_no_environment() -> None:
    readers = [
        path.as_posix()
        for path in OURS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") and ast.unparse(node.value) == "os"
    ]
    assert readers == []


def test_queries_stay_in_their_rooms() -> None:
    rooms = ("keys", "usage", "db", "admin", "management")
    outside = {name for name in importers("django.db", OURS) if name.split("/")[1] not in rooms}
    # The routes name the databases, to keep a host's transactions away; they ask them nothing.
    assert outside == {"threadless/urls.py"}


def test_rest_framework_stays_in_the_http_face() -> None:
    rooms = {name.split("/")[1] for name in importers("rest_framework", OURS)}
    assert rooms == {"api", "contrib"}


@pytest.mark.parametrize(
    "package", ["knox", "oauth2_provider", "rest_framework_api_key", "rest_framework_simplejwt", "rs_bpe"]
)
def test_other_package_is_imported_by_its_adapter_alone(package: str) -> None:
    assert importers(package) == {f"threadless/contrib/{package}.py"}


def test_test_tools_stay_out_of_the_app() -> None:
    assert importers("pytest") | importers("unittest") | importers("tests") == set()
    assert {name.split("/")[1] for name in importers("django.test", OURS)} == {"testing"}


def test_app_does_not_know_the_example() -> None:
    assert importers("project", OURS) == set()
