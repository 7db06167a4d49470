"""A small HTTP client for upstreams. Its public face is `Upstream`."""

from threadless.backends.upstream.addresses import is_exposed, is_public
from threadless.backends.upstream.client import Upstream
from threadless.backends.upstream.limits import Limits, Timeouts
from threadless.backends.upstream.pool import InvalidOptionError
from threadless.backends.upstream.redact import CallRedactor, Redactor
from threadless.backends.upstream.response import Response
from threadless.backends.upstream.sse import Event, SSEDecoder

__all__ = [
    "CallRedactor",
    "Event",
    "InvalidOptionError",
    "Limits",
    "Redactor",
    "Response",
    "SSEDecoder",
    "Timeouts",
    "Upstream",
    "is_exposed",
    "is_public",
]
