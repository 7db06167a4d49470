"""A Django project that is made from a page of the manual: each block is a file of it, or a session in a shell.

- A block of Python or HTML begins with a comment that names its file. If the file exists, the block is added to it.
- In a block of the language `console`, lines after `$` are run. Lines below a command are its output, in which `…`
  stands for anything; without such lines, the output may be anything.

- A command that starts a server runs until a file changes. Commands that call it start it, too.

The provider in the examples is a scripted upstream, and the server has a free port. Configurations of nginx, which have
a test of their own, and plain texts are left out.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import textwrap
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from importlib.metadata import version
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

ROOT: Final = Path(__file__).resolve().parents[2]
PROVIDER: Final = "https://api.openai.com/v1"
ADDRESS: Final = "127.0.0.1:8000"
PUBLIC: Final = "https://your-platform.example"
RUNSERVER: Final = "python manage.py runserver"
LEFT_OUT: Final = frozenset({"nginx", "text"})
_BLOCK: Final = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_FILE: Final = re.compile(r"(?:# |{# )([\w/.-]+\.(?:py|html))(?: #})?\n")
_COMMAND: Final = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_START_SECONDS: Final = 60.0
_FINAL_COMMANDS: Final = (  # in one process, because to start Django takes more time than all of them
    "from django.core.management import call_command as call; "
    'call("makemigrations", check_changes=True, dry_run=True); '
    'call("check", fail_level="WARNING"); '
    'call("migrate", check_unapplied=True)'
)


@dataclass(frozen=True)
class Block:
    """One block of a page."""

    language: str
    text: str

    @property
    def file(self) -> str:
        """The name of its file; empty for a session in a shell."""
        found = _FILE.match(self.text) if self.language in ("python", "html") else None
        return found[1] if found else ""

    def commands(self) -> Iterator[tuple[str, str]]:
        """The commands of a session, each with the output that the page shows."""
        assert self.language == "console", f"Nothing runs this block, because it names no file:\n{self.text}"
        assert self.text.startswith("$ "), f"A session begins with a command:\n{self.text}"
        for command, output in _COMMAND.findall(self.text):
            yield command, output.strip()


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page in their order."""
    found = _BLOCK.findall(page.read_text())
    return [Block(language, textwrap.dedent(text)) for _, language, text in found if language not in LEFT_OUT]


class ScratchProject:
    """The project in a folder. `close` stops its server."""

    def __init__(self, folder: Path, provider: str) -> None:
        self.folder = folder
        self._server: subprocess.Popen[bytes] | None = None
        self._written: set[str] = set()
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self._port = int(sock.getsockname()[1])
        own = f"127.0.0.1:{self._port}"
        self._names = {PROVIDER: provider, ADDRESS: own, PUBLIC: f"http://{own}"}
        self._packages = folder.parent / f"{folder.name}-packages"  # ours alone, without tests and example platform
        self._packages.mkdir()
        (self._packages / "threadless").symlink_to(ROOT / "threadless")

    def copy(self, folder: Path) -> ScratchProject:
        """The same project in another folder."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns(".shell"))
        return ScratchProject(folder, self._names[PROVIDER])

    def follow(self, block: Block) -> None:
        """Do what the block says."""
        if block.file:
            self.write(block.file, block.text)
            return
        for command, expected in block.commands():
            output = self.run(command)
            assert not expected or _fits(output, expected), f"$ {command}\n{output}\nThe page shows:\n{expected}"

    def write(self, name: str, text: str) -> None:
        """Add to a file, after the folders above it are packages. A template has no comment above `extends`."""
        self.close()
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".html"):
            text = text.partition("\n")[2]
        elif not name.startswith("tests/"):
            self._written.add(name)
            for parent in list(Path(name).parents)[:-1]:
                (self.folder / parent / "__init__.py").touch()
        path.write_text((f"{path.read_text()}\n\n" if path.exists() else "") + self._here(text))

    def run(self, command: str) -> str:
        """What the command prints. Variables that it sets are there for the next one."""
        if command.startswith("python -m pip install "):
            return _look_up(command)
        if is_server(command):
            self._serve(command)
            return ""
        if ADDRESS in command or PUBLIC in command:
            self._serve(RUNSERVER)
        script = f"set -aeo pipefail; . ./.shell\n{self._here(command)}\nexport -p > .shell"
        (self.folder / ".shell").touch()
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=300,
        )
        output = self._there(done.stdout)
        assert done.returncode == 0, f"$ {command}\n{output}"
        return output

    def finish(self) -> None:
        """The project is complete: every module can be imported, no migration is missing, and `check` is silent."""
        modules = [name.removesuffix(".py").replace("/", ".") for name in sorted(self._written) if name.count(".") == 1]
        imports = f"; import {', '.join(modules)}" if modules else ""
        self.run(f"python manage.py shell -v0 -c '{_FINAL_COMMANDS}{imports}'")

    def close(self) -> None:
        """Stop the server, if it runs."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait(_START_SECONDS)
            self._server = None

    def _serve(self, command: str) -> None:
        if self._server is not None:
            return
        address = f"127.0.0.1:{self._port}"
        place = ["--noreload", address] if command == RUNSERVER else ["--bind", address]
        with (self.folder / "server.log").open("wb") as log:
            self._server = subprocess.Popen(
                [*shlex.split(command, comments=True), *place],
                cwd=self.folder,
                env=self._environment(),
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._server.poll() is None:
            with suppress(OSError), closing(HTTPConnection("127.0.0.1", self._port, timeout=_START_SECONDS)) as client:
                client.request("GET", "/")
                client.getresponse()
                return
            time.sleep(0.1)
        raise AssertionError((self.folder / "server.log").read_text())

    def _environment(self) -> dict[str, str]:
        foreign = ("DJANGO_", "PYTEST_", "PYTHONPATH")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return kept | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(self._packages),
            "PYTEST_ADDOPTS": "-p no:cacheprovider -p no:randomly -p no:schemathesis",
            "OPENAI_API_KEY": "upstream-key",
        }

    def _here(self, text: str) -> str:
        for name, own in self._names.items():
            text = text.replace(name, own)
        return text

    def _there(self, text: str) -> str:
        for name in (PROVIDER, ADDRESS):
            text = text.replace(self._names[name], name)
        return text


def is_server(command: str) -> bool:
    """Whether it runs until it is stopped."""
    return command == RUNSERVER or (command.startswith("gunicorn ") and "--check-config" not in command)


def _fits(output: str, expected: str) -> bool:
    pattern = re.escape(" ".join(expected.split())).replace("…", ".*?")
    return re.fullmatch(pattern, " ".join(output.split()), re.DOTALL) is not None


def _look_up(command: str) -> str:
    """Whether our extras exist and the other packages are installed here."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for text in shlex.split(command.removeprefix("python -m pip install ").removeprefix("--upgrade ")):
        requirement = Requirement(text)
        if requirement.name == "django-threadless":
            assert requirement.extras <= extras.keys(), text
        else:
            assert version(requirement.name), text
    return ""
