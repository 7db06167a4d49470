"""The catalogs of translations, brought up to date with the code: `python -m tests.support.translations`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("de",)

_CHANGING: Final = re.compile(r'^"(POT-Creation-Date|Report-Msgid-Bugs-To):.*\n', re.MULTILINE)
"""Lines of the header that would change with every run."""


def extract(package: Path) -> None:
    """Write the texts of this package and its optional apps into their catalogs. Needs GNU gettext."""
    languages = [argument for language in LANGUAGES for argument in ("-l", language)]
    _manage(package, "makemessages", *languages, "--no-wrap", "--no-obsolete", "--add-location", "file")
    for catalog in package.rglob("*.po"):
        catalog.write_text(_CHANGING.sub("", catalog.read_text()))


def compile_catalogs(package: Path) -> None:
    """Write the compiled catalogs, which are part of the package."""
    _manage(package, "compilemessages")


def _manage(package: Path, *command: str) -> None:
    # Without our settings, and with -P: the package has modules with names of the standard library.
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    django = [sys.executable, "-P", "-m", "django"]
    subprocess.run([*django, *command], cwd=package, env=env, check=True, capture_output=True)


if __name__ == "__main__":
    PACKAGE = Path(__file__).resolve().parents[2] / "threadless"
    extract(PACKAGE)
    compile_catalogs(PACKAGE)
