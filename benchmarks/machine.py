"""Date, machine and versions of a run. No host names."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks import loop
from benchmarks.processes import ROOT

_PACKAGES: Final = (
    *("django", "djangorestframework", "requests", "urllib3", "msgspec", "gunicorn", "gevent"),
    *("uvicorn", "uvloop", "httptools", "granian", "psycopg"),
)
_PASSTHROUGH: Final = ("passthrough.py", "passthrough_gunicorn.py")


def facts() -> dict[str, Any]:
    """Date, machine and versions."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
        "commit": _commit(),
        "passthrough": passthrough_hash(),
        "event_loop_of_the_tools": loop.NAME,
        "load_average_at_start": round(os.getloadavg()[0], 2),
    }


def passthrough_hash() -> str:
    """The start of the SHA-256 of the pass-through's code, which every result is compared with."""
    code = b"".join((ROOT / "benchmarks" / name).read_bytes() for name in _PASSTHROUGH)
    return hashlib.sha256(code).hexdigest()[:16]


def _commit() -> str:
    """The commit of the measured code; empty outside of a repository."""
    told = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return told.stdout.strip()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()
