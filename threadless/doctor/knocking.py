"""A call without a key through the whole middleware in this process, and who reads its body before our view does."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any, Final

from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from threadless.conf import conf
from threadless.encoding import encode
from threadless.testing import CompletionClient

_BODY: Final = encode({"model": "none"})


def knock(**environ: Any) -> Any:
    """The response to a call without a key. Raises `NoReverseMatch` if `threadless.urls` is not included."""
    host = next((name for name in conf.of_django("ALLOWED_HOSTS", ()) if name and "*" not in name), "localhost")
    header = conf.of_django("SECURE_PROXY_SSL_HEADER")
    client: Any = CompletionClient(HTTP_HOST=host.lstrip("."), **(dict([header]) if header else {}))
    client.raise_request_exception = False
    path = reverse("threadless:chat-completions")
    return client.post(path, _BODY, content_type="application/json", secure=True, **environ)


def body_readers() -> set[str]:
    """The entries of `MIDDLEWARE` that read the body of a call. Our views read it only after they know the caller."""
    body = _NotedBody(_known())
    try:
        knock(**{"wsgi.input": body})
    except NoReverseMatch:
        return set()
    return body.readers


def _known() -> dict[Any, str]:
    """Path of each middleware by its class, or by the module and the name of its function."""
    known: dict[Any, str] = {}
    for path in conf.of_django("MIDDLEWARE", ()):
        found: Any = import_string(path)
        known[found if isinstance(found, type) else (found.__module__, found.__qualname__)] = path
    return known


class _NotedBody(io.BytesIO):
    """A body that notes which middleware reads it."""

    def __init__(self, known: Mapping[Any, str]) -> None:
        super().__init__(_BODY)
        self._known = known
        self.readers: set[str] = set()

    def read(self, size: int | None = -1, /) -> bytes:
        self._note(sys._getframe(1))
        return super().read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        self._note(sys._getframe(1))
        return super().readline(size)

    def _note(self, frame: FrameType | None) -> None:
        """Look for the innermost middleware that is running."""
        while frame is not None:
            function = (frame.f_globals.get("__name__"), frame.f_code.co_qualname.partition(".<locals>")[0])
            path = self._known.get(type(frame.f_locals.get("self"))) or self._known.get(function)
            if path is not None:
                self.readers.add(path)
                return
            frame = frame.f_back
