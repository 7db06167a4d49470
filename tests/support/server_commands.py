"""How to start each server: `COMMANDS` has a function of port and number of workers for each kind."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

THREADS: Final = 32
"""Of servers that use a thread for each request."""

Command = Callable[[int, int], list[str]]

_WSGI, _ASGI = "project.wsgi", "project.asgi:application"
_PROGRAMS: Final = {"uwsgi": "uwsgi", "mod_wsgi": "mod_wsgi-express"}
"""Installed beside Python by the packages pyuwsgi and mod_wsgi."""
_OURS: Final = ("-c", "project/gunicorn.conf.py")


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _gunicorn(*arguments: str) -> Command:
    """The options of a test come later and win over the configuration file."""
    return lambda port, workers: _python("gunicorn", *arguments, "-w", str(workers), "-b", f"127.0.0.1:{port}", _WSGI)


def _uvicorn(application: str, *arguments: str) -> Command:
    return lambda port, workers: _python(
        "uvicorn", application, "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers), *arguments
    )


def _granian(port: int, workers: int) -> list[str]:
    address = ("--host", "127.0.0.1", "--port", str(port))
    return _python("granian", "--interface", "asgi", *address, "--workers", str(workers), _ASGI)


def _hypercorn(port: int, workers: int) -> list[str]:
    return _python("hypercorn", "--bind", f"127.0.0.1:{port}", "--workers", str(workers), _ASGI)


def _daphne(port: int, workers: int) -> list[str]:
    return _python("daphne", "-b", "127.0.0.1", "-p", str(port), _ASGI)


def _waitress(port: int, workers: int) -> list[str]:
    return _python("waitress", "--listen", f"127.0.0.1:{port}", "--threads", str(THREADS), f"{_WSGI}:application")


def _runserver(port: int, workers: int) -> list[str]:
    return [sys.executable, "manage.py", "runserver", "--noreload", "--insecure", f"127.0.0.1:{port}"]


def _uwsgi(port: int, workers: int) -> list[str]:
    pool = ("--processes", str(workers), "--threads", str(THREADS), "--enable-threads")
    stop = ("--master", "--die-on-term", "--need-app")
    return [_beside_python(_PROGRAMS["uwsgi"]), "--http-socket", f"127.0.0.1:{port}", "--module", _WSGI, *pool, *stop]


def _mod_wsgi(port: int, workers: int) -> list[str]:
    pool = ("--processes", str(workers), "--threads", str(THREADS), "--max-clients", "300")
    place = ("--server-root", tempfile.mkdtemp(prefix="threadless-httpd-"), "--working-directory", str(Path.cwd()))
    address = ("--host", "127.0.0.1", "--port", str(port), "--log-to-terminal")
    command = [_beside_python(_PROGRAMS["mod_wsgi"]), "start-server", "--application-type", "module", _WSGI]
    return [*_without_root(Path(place[1])), *command, *address, *pool, *place]


def _without_root(folder: Path) -> list[str]:
    """Apache refuses to serve as root. The other user may read what root may read."""
    if os.geteuid() != 0:
        return []
    folder.chmod(0o777)
    rights = ("--inh-caps", "+dac_override", "--ambient-caps", "+dac_override")
    return ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *rights]


def is_installed(kind: str) -> bool:
    """False for servers that the test extra does not install, because they need a compiler or Apache."""
    program = _PROGRAMS.get(kind)
    return program is None or Path(_beside_python(program)).exists()


def _beside_python(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


COMMANDS: Final[dict[str, Command]] = {
    "gevent": _gunicorn(*_OURS, "-k", "gevent"),
    "gthread": _gunicorn(*_OURS, "-k", "gthread", "--threads", str(THREADS)),
    "sync": _gunicorn(*_OURS, "-k", "sync"),
    "gunicorn": _gunicorn(),
    "gunicorn-gevent": _gunicorn("-k", "gevent"),
    "gunicorn-gthread": _gunicorn("-k", "gthread", "--threads", str(THREADS)),
    "uvicorn": _uvicorn(_ASGI),
    "uvicorn-django": _uvicorn("tests.support.django_asgi:application", "--lifespan", "off"),
    "granian": _granian,
    "hypercorn": _hypercorn,
    "daphne": _daphne,
    "waitress": _waitress,
    "uwsgi": _uwsgi,
    "mod_wsgi": _mod_wsgi,
    "runserver": _runserver,
}
