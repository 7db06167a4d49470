"""Runs of `manage.py quickstart` as a user would start them, each with its own database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 100


def command(database: Path, *arguments: str) -> list[str]:
    """The command line."""
    return [sys.executable, "manage.py", "quickstart", "--database-url", f"sqlite:///{database}", *arguments]


def environment(**variables: str) -> dict[str, str]:
    """The surrounding environment without the platform's own settings."""
    own = ("DATABASE_URL", "CACHE_URL", "DJANGO_SETTINGS_MODULE", "WEB_CONCURRENCY", "QUICKSTART_DATABASE_URL")
    kept = {n: v for n, v in os.environ.items() if n not in own and not n.startswith(("UPSTREAM_", "PYTEST_"))}
    return {**kept, "WEB_CONCURRENCY": "1", **variables}


def check(database: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`quickstart --check`, to its end."""
    return subprocess.run(
        command(database, "--check", *arguments),
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def serve(database: Path, **variables: str) -> subprocess.Popen[str]:
    """`quickstart`, running."""
    return subprocess.Popen(
        command(database),
        cwd=ROOT,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What the process prints up to the line with this text, or to its end."""
    lines: Sequence[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines = [*lines, line]
        if text in line:
            break
    return "".join(lines)


def children_of(process: subprocess.Popen[str]) -> list[int]:
    """Process ids of everything that it started, its children's children too."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(pid): int(parent) for pid, parent in (line.split() for line in listed.splitlines())}
    found = {process.pid}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {process.pid})


def is_alive(pid: int) -> bool:
    """True while a process has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
