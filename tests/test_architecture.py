"""Rules for the code: layers, sizes, names, and which package may use what."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sysconfig
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES = 300
FUNCTION_LINES = 30
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "services", "service", "misc", "base_utils", "core"}


def modules(*packages: str) -> list[Path]:
    """The Python files of these packages, without migrations."""
    found = (path for package in packages for path in (ROOT / package).rglob("*.py"))
    return sorted(path.relative_to(ROOT) for path in found if "migrations" not in path.parts)


OURS = modules("threadless")
ALL = modules("threadless", "project")
every_module = pytest.mark.parametrize("path", ALL, ids=str)


def tree(path: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse((ROOT / path).read_text())


@cache
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


def uses_a_manager(path: Path) -> bool:
    """True if the module calls a model's manager, such as `objects.filter()`."""
    managers = {"objects", "_default_manager", "_base_manager"}
    nodes = (node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute))
    return any(isinstance(node, ast.Attribute) and node.attr in managers for node in nodes)


def identifiers(path: Path) -> set[str]:
    """Every name in the code of a module."""
    tokens = tokenize.generate_tokens(io.StringIO((ROOT / path).read_text()).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


def strings(path: Path) -> set[str]:
    """Every string in a module, except docstrings."""
    module = tree(path)
    docstrings = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    constants = (node for node in ast.walk(module) if isinstance(node, ast.Constant) and id(node) not in docstrings)
    return {node.value for node in constants if isinstance(node.value, str)}


DOCUMENTED = {"_meta", "_default_manager", "_base_manager"}
"""Names with an underscore that Django documents for everyone."""


def private_names(module: ast.Module) -> set[str]:
    """Names with one leading underscore that a module uses but does not define."""
    used: set[str] = set()
    defined: set[str] = set()
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.Name(id=name, ctx=ast.Store()):
                defined.add(name)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name, ctx=ast.Store()):
                defined.add(name)
            case ast.Attribute(attr=name):
                used.add(name)
            case ast.ImportFrom(names=aliases):
                used |= {alias.name for alias in aliases}
            case ast.Call(
                func=ast.Name(id="getattr" | "hasattr" | "setattr"), args=[_, ast.Constant(value=str(name)), *_]
            ):
                used.add(name)
    return {name for name in used - defined if name.startswith("_") and not name.startswith("__")}


def test_layers_hold() -> None:
    command = Path(sysconfig.get_path("scripts")) / "lint-imports"
    if not command.exists():
        pytest.skip("import-linter is not installed here; the extra `lint` brings it")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


@every_module
def test_file_has_at_most_300_lines(path: Path) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= FILE_LINES


@every_module
def test_function_has_at_most_30_lines(path: Path) -> None:
    sizes = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions(path)}
    assert {name: lines for name, lines in sizes.items() if lines > FUNCTION_LINES} == {}


@every_module
def test_file_has_a_specific_name(path: Path) -> None:
    assert not BANNED_NAMES & {*path.parts[:-1], path.stem}


@every_module
def test_module_has_a_docstring(path: Path) -> None:
    module = tree(path)
    assert ast.get_docstring(module) or not module.body


# The request types of fields.py are described by the OpenAI reference.
@pytest.mark.parametrize("path", [path for path in OURS if not path.name.startswith(("fields", "test_"))], ids=str)
def test_public_class_and_function_have_a_docstring(path: Path) -> None:
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    public = [node for node in tree(path).body if isinstance(node, kinds) and not node.name.startswith("_")]
    assert [node.name for node in public if not ast.get_docstring(node)] == []


def test_django_settings_are_read_in_conf_only() -> None:
    in_models = {f"threadless/{package}/models.py" for package in ("budgets", "keys", "reports", "usage")}
    assert importers("django.conf", OURS) == {"threadless/conf.py", *in_models}


@pytest.mark.parametrize("path", [f"threadless/{room}/models.py" for room in ("keys", "usage", "budgets")])
def test_models_read_only_the_user_model_from_the_settings(path: str) -> None:
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


def test_project_reads_its_environment_in_its_settings_only() -> None:
    assert importers("environ") == {"project/settings.py"}


def test_only_the_configuration_of_gunicorn_reads_the_environment() -> None:
    readers = [
        path.as_posix()
        for path in OURS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") and ast.unparse(node.value) == "os"
    ]
    assert readers == ["threadless/contrib/gunicorn.py"]


def test_queries_are_made_only_in_these_packages() -> None:
    packages = {"keys", "usage", "db", "admin", "management", "doctor"}
    packages |= {"budgets", "idempotency", "reports", "self_service"}
    # urls.py turns ATOMIC_REQUESTS off for every database alias, and the other is a database backend for hosts.
    assert {name for name in importers("django.db", OURS) if name.split("/")[1] not in packages} == {
        "threadless/urls.py",
        "threadless/contrib/pooled_sqlite/base.py",
    }
    # An adapter for a key package calls the manager of that package, and the tests of conformance read the ledger.
    assert {"keys"} <= {path.parts[1] for path in OURS if uses_a_manager(path)} <= packages | {"contrib", "testing"}


def test_private_name_of_a_library_is_used_in_one_module_only() -> None:
    users: dict[str, set[str]] = {}
    for path in OURS:
        for name in private_names(tree(path)) - DOCUMENTED:
            users.setdefault(name, set()).add(path.as_posix())
    assert {name: paths for name, paths in users.items() if len(paths) > 1} == {}
    assert users["_request"] == {"threadless/api/underlying.py"}


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("request._request", {"_request"}),
        ("getattr(request, '_post', None)", {"_post"}),
        ("from gc import _debug", {"_debug"}),
        ("class C:\n    def __init__(self): self._x = 1\n    def f(self): return self._x", set()),
        ("request.__class__", set()),
    ],
)
def test_private_names_are_found(code: str, names: set[str]) -> None:
    assert private_names(ast.parse(code)) == names


def test_servers_are_named_in_the_server_package_only() -> None:
    name = re.compile(r"(gunicorn|gevent|uvicorn)(\.|$)")
    users = {path.as_posix() for path in OURS if any(name.match(text) for text in imported(path) | strings(path))}
    elsewhere = {path for path in users if not path.startswith(("threadless/server/", "threadless/doctor/"))}
    assert elsewhere <= {"threadless/asgi.py", "threadless/contrib/gunicorn.py"}
    assert users & {"threadless/server/green.py", "threadless/server/client.py"}


@pytest.mark.parametrize("path", [path for path in OURS if path.parts[1] == "calls"], ids=str)
def test_calls_name_nothing_of_the_chat_format(path: Path) -> None:
    words = {word for text in identifiers(path) | strings(path) for word in re.split(r"[^a-z]+", text.lower())}
    assert not words & {"chunk", "chunks", "delta", "deltas", "choice", "choices"}


def test_rest_framework_is_used_only_by_what_answers_requests() -> None:
    packages = {name.split("/")[1] for name in importers("rest_framework", OURS)}
    assert packages == {"api", "contrib", "self_service"}


@pytest.mark.parametrize(
    "package",
    [
        *("knox", "oauth2_provider", "rest_framework_api_key", "rest_framework_simplejwt", "rs_bpe", "genai_prices"),
        *("opentelemetry", "prometheus_client", "sentry_sdk"),
    ],
)
def test_package_is_imported_only_by_its_adapter(package: str) -> None:
    module = {"prometheus_client": "prometheus", "sentry_sdk": "sentry"}.get(package, package)
    assert importers(package) == {f"threadless/contrib/{module}.py"}


@pytest.mark.parametrize(
    ("package", "bridge"),
    [
        ("langchain_core", "lang"),
        ("langgraph", "langgraph"),
        ("openai", "openai"),
        ("litellm", "litellm"),
        ("any_llm", "any_llm"),
        ("pydantic_ai", "pydantic_ai"),
    ],
)
def test_llm_package_is_imported_only_by_its_bridge(package: str, bridge: str) -> None:
    users = importers(package)
    assert users
    assert {path for path in users if not path.startswith(f"threadless/contrib/{bridge}")} == set()


def test_app_imports_no_test_tools() -> None:
    assert importers("unittest") | importers("tests") == set()
    assert {name.rpartition("/")[0] for name in importers("pytest")} == {"threadless/testing/conformance"}
    assert {name.split("/")[1] for name in importers("django.test", OURS)} == {"testing"}


def test_app_does_not_import_the_project() -> None:
    assert importers("project", OURS) == set()
