"""The package has what its manual names, and its lower bounds are the versions that CI tests."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

from django.core.management import get_commands
from packaging.requirements import Requirement

from threadless.models import UsageRecord

ROOT: Final = Path(__file__).resolve().parent.parent
TOOLS: Final = {"bench", "docs", "lint"}
MANUAL: Final = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DOTTED: Final = re.compile(r"(?<![\w./@])(threadless(?:\.[a-z_]\w*)+)")
PERMISSIONS: Final = {f"threadless.{codename}" for codename, _ in UsageRecord._meta.permissions}


def test_lowest_versions_are_the_lower_bounds() -> None:
    bounds = {f"{each.name}=={bound}" for each in requirements() for bound in lower_bounds(each)}
    lines = (ROOT / "requirements" / "lowest.txt").read_text().splitlines()
    assert bounds == {line for line in lines if not line.startswith("#")}


def test_every_requirement_has_a_lower_bound_or_one_version() -> None:
    assert [str(each) for each in requirements() if not (lower_bounds(each) or str(each.specifier)[:2] == "==")] == []


def test_package_has_the_same_bounds_in_all_extras() -> None:
    bounds: dict[str, set[str]] = {}
    for each in requirements(without=set()):
        bounds.setdefault(each.name, set()).add(str(each.specifier))
    assert {name: found for name, found in bounds.items() if len(found) > 1} == {}


def requirements(without: set[str] = TOOLS) -> list[Requirement]:
    """The dependencies and those of the extras, except some extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for name in extras.keys() - without for line in extras[name])]
    return [Requirement(line) for line in lines]


def lower_bounds(requirement: Requirement) -> list[str]:
    """The versions after `>=`: one or none."""
    return [each.version for each in requirement.specifier if each.operator == ">="]


def modules_named() -> set[str]:
    """Every module of ours that README and docs name, in their text and in their code."""
    paths = {path for page in MANUAL for path in DOTTED.findall(page.read_text())}
    return {module_of(path) for path in paths - PERMISSIONS}


def module_of(path: str) -> str:
    """The module in which a dotted path ends, such as that of a class; what does not exist stays as it is."""
    parts = path.split(".")
    for length in range(len(parts), 1, -1):
        if source_of(parts[:length]) is not None:
            return ".".join(parts[:length])
    return path


def source_of(parts: list[str]) -> Path | None:
    """The file or folder of a module."""
    place = ROOT.joinpath(*parts)
    return next((each for each in (place.with_suffix(".py"), place) if each.exists()), None)


def test_every_module_that_the_manual_names_is_in_the_package() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert packages == {"packages": ["threadless"]}
    named = modules_named()
    assert {"threadless.contrib.gunicorn", "threadless.contrib.pooled_sqlite"} <= named
    assert {name for name in named if source_of(name.split(".")) is None} == set()


def test_every_command_that_the_manual_names_is_in_the_package_or_in_django() -> None:
    named = {name for page in MANUAL for name in re.findall(r"manage\.py ([a-z_]+)", page.read_text())}
    assert {"threadless_sweep", "threadless_doctor"} <= named
    packages = {name: app for name, app in get_commands().items() if str(app).startswith(("threadless", "django"))}
    of_optional_apps = {path.stem for path in ROOT.glob("threadless/*/management/commands/*.py")}
    others = {"quickstart", "spectacular"}  # of the example platform, in its repository, and of drf-spectacular
    assert named - packages.keys() - of_optional_apps <= others


def test_code_that_a_host_copies_uses_no_module_of_the_example_platform() -> None:
    pages = {page.name: page.read_text() for page in MANUAL}
    del pages["example.md"]
    blocks = {name: re.findall(r"^ *```.*?^ *```$", text, re.DOTALL | re.MULTILINE) for name, text in pages.items()}
    users = {name for name, found in blocks.items() if any(re.search(r"\bproject[./]", block) for block in found)}
    assert users == set()


def test_manual_shows_the_integration_of_the_example_platform_as_it_is() -> None:
    page = (ROOT / "docs" / "hosts" / "example.md").read_text()
    assert f"```python\n{(ROOT / 'project' / 'gateway.py').read_text()}```" in page
