"""The example host on several servers, databases and versions of Python, and what it is compared with."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from typing import Final

GEVENT: Final = "gevent"
GEVENT_TWO: Final = "gevent-2"
BUDGET: Final = "gevent-budget"
POSTGRESQL: Final = "gevent-postgresql"
PLAIN: Final = "plain"
PLAIN_POSTGRESQL: Final = "plain-postgresql"
FLOOR: Final = "floor"
FLOOR_TWO: Final = "floor-2"

# A worker is paused while another server is measured. Its main process must not restart it for that.
_GUNICORN: Final = ("gunicorn", "-t", "86400", "-b", "127.0.0.1:{port}", "-c")
_WSGI: Final = (*_GUNICORN, "project/gunicorn.conf.py", "project.wsgi")
_PASSTHROUGH: Final = (*_GUNICORN, "benchmarks/passthrough_gunicorn.py", "benchmarks.passthrough")
_GEVENT: Final = ("-k", "gevent", "-w", "1")
_GEVENT_TWO: Final = ("-k", "gevent", "-w", "2")
_GTHREAD: Final = (*_WSGI, "-k", "gthread", "-w", "1", "--threads", "128")
_UVICORN: Final = ("uvicorn", "--no-access-log", "--port", "{port}", "project.asgi:application")
_GRANIAN: Final = ("granian", "--interface", "asgi", "--no-access-log", "--port", "{port}", "project.asgi:application")


@dataclass(frozen=True, kw_only=True)
class Host:
    """How a server is started, as a module of a Python and its arguments, and what it runs."""

    title: str
    module: tuple[str, ...]
    is_floor: bool = False
    is_on_postgresql: bool = False
    has_budget: bool = False
    settings: str = "benchmarks.settings"
    python: str = sys.executable

    def command(self, port: int) -> list[str]:
        """The command that serves on this port."""
        return [self.python, "-m", *(part.format(port=port) for part in self.module)]


_OWN: Final = "threadless, "
_PLAIN: Final = Host(
    title="a plain Django view with key and row", module=(*_WSGI, *_GEVENT), settings="benchmarks.settings_plain"
)
HOSTS: Final = {
    FLOOR: Host(title="pass-through without Django", module=(*_PASSTHROUGH, *_GEVENT), is_floor=True),
    FLOOR_TWO: Host(title="pass-through, two workers", module=(*_PASSTHROUGH, *_GEVENT_TWO), is_floor=True),
    PLAIN: _PLAIN,
    PLAIN_POSTGRESQL: replace(_PLAIN, title=f"{_PLAIN.title}, PostgreSQL", is_on_postgresql=True),
    GEVENT: Host(title=f"{_OWN}gunicorn gevent", module=(*_WSGI, *_GEVENT)),
    BUDGET: Host(title=f"{_OWN}gunicorn gevent, one budget", module=(*_WSGI, *_GEVENT), has_budget=True),
    GEVENT_TWO: Host(title=f"{_OWN}gunicorn gevent, two workers", module=(*_WSGI, *_GEVENT_TWO)),
    "gthread": Host(title=f"{_OWN}gunicorn gthread (128 threads)", module=_GTHREAD),
    "uvicorn": Host(title=f"{_OWN}uvicorn", module=_UVICORN),
    "granian": Host(title=f"{_OWN}granian", module=_GRANIAN),
    POSTGRESQL: Host(title=f"{_OWN}gunicorn gevent, PostgreSQL", module=(*_WSGI, *_GEVENT), is_on_postgresql=True),
    "uvicorn-postgresql": Host(title=f"{_OWN}uvicorn, PostgreSQL", module=_UVICORN, is_on_postgresql=True),
    "granian-postgresql": Host(title=f"{_OWN}granian, PostgreSQL", module=_GRANIAN, is_on_postgresql=True),
}
_VERSIONS: Final = """
import platform, django
print(".".join(platform.python_version_tuple()[:2]), ".".join(map(str, django.VERSION[:2])))
"""


def of_python(python: str) -> dict[str, Host]:
    """The host and the pass-through on another Python. Raises `OSError` or `CalledProcessError`."""
    asked = subprocess.run([python, "-c", _VERSIONS], capture_output=True, text=True, check=True)
    versions, (number, django) = "-".join(asked.stdout.split()), asked.stdout.split()
    on = f", Python {number}, Django {django}"
    return {
        f"{FLOOR}-{versions}": Host(
            title=f"pass-through{on}", module=HOSTS[FLOOR].module, is_floor=True, python=python
        ),
        f"{GEVENT}-{versions}": Host(title=f"{_OWN}gunicorn gevent{on}", module=HOSTS[GEVENT].module, python=python),
    }
