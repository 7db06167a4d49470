"""`Upstream`: posts to one URL of an upstream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from threadless.backends.upstream.limits import Limits, Timeouts, Timer
from threadless.backends.upstream.pool import REST_SECONDS, InvalidOptionError, Pool, make_endpoint
from threadless.backends.upstream.redact import Redactor
from threadless.backends.upstream.response import Response
from threadless.server import timeouts as coarse_timer

_ONE_WRITE_BYTES: Final = 65536
"""Up to this size, copying costs less than a second write and a second read by the peer."""
_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "threadless",
}


class Upstream:
    """An HTTP client for one URL, safe for use by all threads at once.

    `api_key` is sent as a bearer token; spaces and line ends around it are removed. `headers` are added to each
    request. `max_idle` connections are kept open between calls, and each rests for `rest_seconds` before it is used
    again. With `trust_env`, the proxies and certificate bundles of the environment are used. `timer` runs the long
    timeouts.

    Raises `InvalidOptionError` for an invalid argument; the text never contains its value.
    """

    def __init__(
        self,
        base_url: str,
        path: str = "/chat/completions",
        *,
        api_key: str = "",
        headers: Mapping[str, str] | None = None,
        timeouts: Timeouts,
        limits: Limits,
        max_idle: int = 1000,
        rest_seconds: float = REST_SECONDS,
        trust_env: bool = False,
        timer: Timer = coarse_timer,
    ) -> None:
        api_key = _strip_key(api_key or "")
        authorization = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        own_headers = {**authorization, **(headers or {})}
        endpoint = make_endpoint(base_url, path, {**_HEADERS, **own_headers}, trust_env=trust_env)
        self.redact = Redactor(base_url, api_key, own_headers.values())
        """Removes the key, URL and host of this upstream from a text."""
        self._head = endpoint.head
        self._pool = Pool(
            endpoint.route, connect_seconds=timeouts.connect_seconds, max_idle=max_idle, rest_seconds=rest_seconds
        )
        self._timeouts = timeouts
        self._limits = limits
        self._timer = timer

    @property
    def idle_connections(self) -> int:
        """The number of idle connections."""
        return len(self._pool)

    def post(self, body: bytes, request_id: str = "") -> Response:
        """The response to a JSON body, to be read within a `with` block. Raises `ValueError` for an invalid ID."""
        request = _make_request(self._head, body, request_id)
        return Response(self._pool, request, self._timeouts, self._limits, self._timer)


def _strip_key(api_key: str) -> str:
    if not isinstance(api_key, str):
        raise InvalidOptionError("api_key must be a string.")
    api_key = api_key.strip()  # a file with a secret often ends with a newline
    if not (api_key.isascii() and api_key.isprintable()):
        raise InvalidOptionError("api_key contains characters that HTTP does not allow in a header.")
    return api_key


def _make_request(head: bytes, body: bytes, request_id: str) -> tuple[bytes, ...]:
    """The bytes of a request, in one or two pieces, each for one write.

    Raises `ValueError` for a request ID that a header cannot hold.
    """
    if not (request_id.isascii() and request_id.isprintable()):
        raise ValueError("A request ID must be printable ASCII.")
    own = f"X-Request-Id: {request_id}\r\n" if request_id else ""
    head = b"%b%bContent-Length: %d\r\n\r\n" % (head, own.encode(), len(body))
    return (head + body,) if len(body) <= _ONE_WRITE_BYTES else (head, body)
