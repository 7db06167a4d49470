"""`Upstream`: posts to one URL of an upstream."""

from __future__ import annotations

from collections.abc import Mapping

from threadless.backends.upstream.limits import Limits, Timeouts, Timer
from threadless.backends.upstream.pool import InvalidOptionError, Pool, make_endpoint
from threadless.backends.upstream.redact import Redactor
from threadless.backends.upstream.response import Response, make_request
from threadless.server import timeouts as coarse_timer

_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "threadless",
}


class Upstream:
    """An HTTP client for one URL, safe for use by all threads at once.

    `api_key` is sent as a bearer token; spaces and line ends around it are removed. `headers` are added to each
    request. `max_idle` connections are kept open between calls. With `trust_env`, the proxies and certificate bundles
    of the environment are used. `timer` runs the long timeouts.

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
        self._pool = Pool(endpoint.route, connect_seconds=timeouts.connect_seconds, max_idle=max_idle)
        self._timeouts = timeouts
        self._limits = limits
        self._timer = timer

    @property
    def idle_connections(self) -> int:
        """The number of idle connections."""
        return len(self._pool)

    def post(self, body: bytes, request_id: str = "") -> Response:
        """The response to a JSON body, to be read within a `with` block. Raises `ValueError` for an invalid ID."""
        request = make_request(self._head, body, request_id)
        return Response(self._pool, request, self._timeouts, self._limits, self._timer)


def _strip_key(api_key: str) -> str:
    if not isinstance(api_key, str):
        raise InvalidOptionError("api_key must be a string.")
    api_key = api_key.strip()  # a file with a secret often ends with a newline
    if not (api_key.isascii() and api_key.isprintable()):
        raise InvalidOptionError("api_key contains characters that HTTP does not allow in a header.")
    return api_key
