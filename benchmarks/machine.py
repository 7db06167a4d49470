"""Date, machine and versions of a run. No host names."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks import loop

_PACKAGES: Final = (
    *("django", "djangorestframework", "requests", "urllib3", "msgspec", "gunicorn", "gevent"),
    *("uvicorn", "granian", "psycopg"),
)


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
        "event_loop_of_the_tools": loop.NAME,
        "load_average_at_start": round(os.getloadavg()[0], 2),
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()
