"""Finds the client's socket in the WSGI environ of each server that has it. mod_wsgi keeps it in another process."""

from __future__ import annotations

import contextlib
import importlib
import io
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Environ = Mapping[str, Any]


def client_socket(environ: Environ) -> Any:
    """The socket of the client that sent this request; None if the server does not show it."""
    for find in _FINDERS:
        if (found := find(environ)) is not None:
            return found
    return None


def _of_gunicorn(environ: Environ) -> Any:
    return environ.get("gunicorn.socket")


def _of_waitress(environ: Environ) -> Any:
    """waitress offers a method that tells whether the client has left, which nobody would call while a call waits."""
    method = environ.get("waitress.client_disconnected")
    return getattr(getattr(method, "__self__", None), "socket", None)


def _of_uwsgi(environ: Environ) -> Any:
    if "uwsgi.version" not in environ:
        return None
    uwsgi: Any = importlib.import_module("uwsgi")  # exists only within uWSGI
    descriptor = uwsgi.connection_fd()
    return BorrowedSocket(descriptor) if descriptor >= 0 else None


def _of_wsgiref(environ: Environ) -> Any:
    """`runserver`: Django's `LimitedStream` reads from a buffered file of the socket."""
    stream = environ.get("wsgi.input")
    buffered = getattr(getattr(stream, "_read", None), "__self__", None)
    raw = buffered.raw if isinstance(buffered, io.BufferedReader) else None
    return getattr(raw, "_sock", None)


_FINDERS: Final[tuple[Callable[[Environ], Any], ...]] = (_of_gunicorn, _of_waitress, _of_uwsgi, _of_wsgiref)


class BorrowedSocket:
    """A descriptor that the server owns and closes, used like a socket while its request runs."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def shutdown(self, how: int) -> None:
        """Raises `OSError`."""
        with self._opened() as sock:
            sock.shutdown(how)

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """Raises `OSError`."""
        with self._opened() as sock:
            sock.setsockopt(level, option, value)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[socket.socket]:
        sock = socket.socket(fileno=self._descriptor)
        try:
            yield sock
        finally:
            sock.detach()  # otherwise it would close the server's descriptor
