"""The lower bounds of pyproject.toml are the versions that CI tests."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

ROOT: Final = Path(__file__).resolve().parent.parent
TOOLS: Final = {"bench", "lint"}


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
