"""What surrounds our views in this process: middleware, and what it does to a request of ours."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from threadless.conf import conf
from threadless.doctor.finding import Finding, error, warning
from threadless.testing import CompletionClient

_READS_BODY: Final = re.compile(r"request\.(body|read\(|POST)\b|\.body\b.*request")
_TOUCHES_CONTENT: Final = re.compile(r"response\.content\b")
_JOINS_STREAM: Final = re.compile(r"(join|list|tuple)\((response|self)\.streaming_content|getvalue\(\)")
_KNOWS_STREAMS: Final = re.compile(r"\.streaming\b|is_async|hasattr\(response")
_OF_DJANGO: Final = "django."


def check_middleware() -> Iterator[Finding]:
    """Read the source of each middleware that is not Django's for what harms streams and large requests."""
    for path in conf.of_django("MIDDLEWARE", ()):
        if not path.startswith(_OF_DJANGO):
            yield from _check_source(path, _source_of(path))


def _source_of(path: str) -> str:
    try:
        return inspect.getsource(import_string(path))
    except (ImportError, OSError, TypeError):
        return ""


def _check_source(path: str, source: str) -> Iterator[Finding]:
    if _READS_BODY.search(source):
        yield warning(
            "middleware",
            f"{path} reads the body of requests.",
            "Django refuses bodies above DATA_UPLOAD_MAX_MEMORY_SIZE then, and a log of bodies would store messages.",
            "Let it skip our prefix, or raise DATA_UPLOAD_MAX_MEMORY_SIZE to MAX_BODY_BYTES and store no bodies.",
        )
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
    host = next((name for name in conf.of_django("ALLOWED_HOSTS", ()) if name and "*" not in name), "localhost")
    header = conf.of_django("SECURE_PROXY_SSL_HEADER")
    client: Any = CompletionClient(HTTP_HOST=host.lstrip("."), **(dict([header]) if header else {}))
    client.raise_request_exception = False
    try:
        path = reverse("threadless:chat-completions")
        response = client.post(path, {"model": "none"}, content_type="application/json", secure=True)
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
