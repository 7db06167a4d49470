"""Key and password of the demo in a private file: a key that was copied still works after the next start."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TypedDict


class Secrets(TypedDict):
    """What one database cannot give back, because it holds only hashes."""

    database: str
    password: str
    key: str


def read(path: Path, database: str) -> Secrets | None:
    """The secrets of the previous start with this database; None if there was none."""
    try:
        kept: Secrets = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return kept if kept["database"] == database else None


def write(path: Path, secrets: Secrets) -> None:
    """Replace the file. Only its owner can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # the mode below applies only to a new file
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(secrets, file)
