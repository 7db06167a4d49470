"""What surrounds our views in this process: middleware, and what it does to a request of ours."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Final

from django.urls import NoReverseMatch
from django.utils.module_loading import import_string

from threadless.conf import conf
from threadless.doctor.finding import Finding, error, warning
from threadless.doctor.knocking import body_readers, knock

_READS_BODY: Final = re.compile(r"request\.(body|read\(|POST)\b|\.body\b.*request")
_TOUCHES_CONTENT: Final = re.compile(r"response\.content\b")
_JOINS_STREAM: Final = re.compile(r"(join|list|tuple)\((response|self)\.streaming_content|getvalue\(\)")
_KNOWS_STREAMS: Final = re.compile(r"\.streaming\b|is_async|hasattr\(response|text/html|_html_response")
"""Signs that a middleware leaves streams alone: it asks for them, or it changes HTML only."""
_OF_DJANGO: Final = "django."
_EXCLUSIONS: Final = {
    "debug_toolbar.middleware.DebugToolbarMiddleware": "Let SHOW_TOOLBAR_CALLBACK be false below our prefix.",
    "silk.middleware.SilkyMiddleware": "Set SILKY_INTERCEPT_FUNC to a function that is false below our prefix.",
}
"""How a package skips paths."""


def check_middleware() -> Iterator[Finding]:
    """Look for middleware that is not Django's and harms streams or reads messages: in its source, and in a call."""
    readers = body_readers()
    for path in conf.of_django("MIDDLEWARE", ()):
        if not path.startswith(_OF_DJANGO):
            source = _source_of(path)
            if path in readers or _READS_BODY.search(source):
                yield _reads_body(path)
            yield from _check_streams(path, source)


def _source_of(path: str) -> str:
    try:
        return inspect.getsource(import_string(path))
    except (ImportError, OSError, TypeError):
        return ""


def _reads_body(path: str) -> Finding:
    return warning(
        "middleware",
        f"{path} reads the body of requests.",
        "Django refuses bodies above DATA_UPLOAD_MAX_MEMORY_SIZE then, and a log of bodies would store messages.",
        _EXCLUSIONS.get(path)
        or "Let it skip our prefix, or raise DATA_UPLOAD_MAX_MEMORY_SIZE to MAX_BODY_BYTES and store no bodies.",
    )


def _check_streams(path: str, source: str) -> Iterator[Finding]:
    if _JOINS_STREAM.search(source):
        yield error(
            "middleware",
            f"{path} collects the whole content of streams.",
            "Clients receive a stream in one piece at its end, and are not noticed when they leave.",
            "Let it skip responses whose `streaming` is true.",
        )
    elif _TOUCHES_CONTENT.search(source) and not _KNOWS_STREAMS.search(source):
        yield warning(
            "middleware",
            f"{path} reads response.content without asking whether the response is a stream.",
            "A stream has no content, so the call fails.",
            "Let it skip responses whose `streaming` is true.",
        )


def check_refusal() -> Iterator[Finding]:
    """Send a call without a key through the whole middleware. Only our own 401 in JSON is right."""
    try:
        response = knock()
    except NoReverseMatch:
        yield error("routes", "There is no endpoint.", "threadless.urls is not included.", "See `manage.py check`.")
        return
    if response.status_code == 401 and response.headers.get("Content-Type", "").startswith("application/json"):
        return
    where = f" to {response.headers['Location']}" if "Location" in response.headers else ""
    yield error(
        "middleware",
        f"A call without a key is answered with a {response.status_code}{where} instead of our 401.",
        "A middleware of the platform (a login wall, a throttle, a redirect) answers before our view is reached.",
        "Let that middleware pass our prefix.",
    )


def check_proxy() -> Iterator[Finding]:
    """Whether Django knows which requests came over TLS."""
    secure = ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")
    found = [name for name in secure if conf.of_django(name)]
    if found and not conf.of_django("SECURE_PROXY_SSL_HEADER"):
        yield warning(
            "proxy",
            f"{', '.join(found)} set, but SECURE_PROXY_SSL_HEADER is not.",
            "Behind a proxy that ends TLS, Django takes every request for HTTP: redirects never end, and pages fail.",
            'Set SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if your proxy sets that header.',
        )
