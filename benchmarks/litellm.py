"""The LiteLLM proxy from the package index, in its own environment, with a table of keys and a table of calls."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.processes import CACHE, ROOT

_VENV: Final = CACHE / "litellm"
PYTHON: Final = _VENV / "bin" / "python"
_HERE: Final = ROOT / "benchmarks"
_CONFIG: Final = "litellm_config.yaml"

_SCHEMA: Final = """
PRAGMA journal_mode=WAL;
CREATE TABLE keys (id INTEGER PRIMARY KEY, digest TEXT UNIQUE, user_id INTEGER, scopes TEXT, revoked_at TEXT);
CREATE TABLE usage (
    id INTEGER PRIMARY KEY, key_id INTEGER, model TEXT, state TEXT,
    prompt_tokens INTEGER, completion_tokens INTEGER, opened_at TEXT, duration_ms INTEGER
);
"""

ENVIRONMENT: Final = {
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "DISABLE_ADMIN_UI": "True",
    "NO_DOCS": "True",
}
"""No debug log, no downloads at the start, no web pages."""


def install() -> str:
    """Install LiteLLM if necessary and return its version. Raises `CalledProcessError` if that fails."""
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(_VENV)], check=True)
        subprocess.run([str(PYTHON), "-m", "pip", "install", "--quiet", "litellm[proxy]"], check=True)
    asked = "import importlib.metadata as m; print(m.version('litellm'))"
    return subprocess.run([str(PYTHON), "-c", asked], capture_output=True, text=True, check=True).stdout.strip()


def prepare(database: Path, folder: Path) -> str:
    """Create its tables, write its configuration into the folder, and return an API key."""
    key = f"sk-{secrets.token_hex(24)}"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.executescript(_SCHEMA)
        digest = hashlib.sha256(key.encode()).hexdigest()
        connection.execute("INSERT INTO keys VALUES (1, ?, 1, 'CHATS:WRITE', NULL)", (digest,))
        connection.commit()
    for name in (_CONFIG, "litellm_hooks.py"):
        shutil.copy(_HERE / name, folder)
    return key


def command(folder: Path, port: int) -> list[str]:
    """The command for one worker under uvicorn, which is its default."""
    options = ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1", "--config", str(folder / _CONFIG)]
    return [str(_VENV / "bin" / "litellm"), *options]
