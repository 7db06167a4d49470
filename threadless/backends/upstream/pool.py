"""The address and the route of an upstream, and its idle connections.

`requests` reads proxies and certificates from the environment, encodes the URL and validates headers. It sends nothing
here.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import re
import ssl
import time
import weakref
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy

from threadless.backends import lifetime
from threadless.backends.upstream.addresses import Peer
from threadless.backends.upstream.connections import ConnectError, Connection, Route
from threadless.backends.upstream.parser import ProtocolError
from threadless.exceptions import UpstreamUnavailable

_ATTEMPTS: Final = 2
"""Only a failed connect is retried, because nothing was sent."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
REST_SECONDS: Final = 0.05
"""How long a connection rests before its next call. A surplus response that follows the answer arrives meanwhile."""
_DISTRUST_SECONDS: Final = 300.0
"""How long no connection is used again after the upstream has sent something that belongs to no call."""

logger = logging.getLogger("threadless")


class InvalidOptionError(ValueError):
    """An option is invalid. The message never contains its value, which may be a secret."""


class Endpoint(NamedTuple):
    """The part that all requests to one URL share."""

    route: Route
    head: bytes
    """Request line and headers, without the headers of a single request."""


class Pool:
    """The connections over one route. At most `max_idle` are kept while no call uses them.

    Bytes that arrive on an idle connection close it. Bytes that arrive after the next request was sent cannot be told
    from its answer. A connection therefore rests for `rest_seconds` before it is used again. Meanwhile calls use other
    connections; a busy pool has only a few more for that.
    """

    def __init__(
        self, route: Route, *, connect_seconds: float, max_idle: int, rest_seconds: float = REST_SECONDS
    ) -> None:
        if not isinstance(max_idle, int) or max_idle < 0:
            raise InvalidOptionError("pool_maxsize must be a whole number, 0 or more.")
        self._route = route
        self._connect_seconds = connect_seconds
        self._max_idle = max_idle
        self._rest_seconds = rest_seconds
        self._resting: deque[Connection] = deque()
        """Not yet ready for use; the first has rested longest."""
        self._rested: deque[Connection] = deque()
        """Ready for use; the last was used last."""
        self._distrusted_until = 0.0
        weakref.finalize(self, _close_all, self._resting, self._rested)

    def __len__(self) -> int:
        """The number of idle connections."""
        return len(self._resting) + len(self._rested)

    def take(self) -> Connection:
        """An open connection, attached to the running call.

        Raises `UpstreamUnavailable` if there is none, and what `Lifetime.check` raises if the call has ended.
        """
        now = time.monotonic()
        self._sort(now)
        while self._rested and now >= self._distrusted_until:
            try:
                connection = self._rested.pop()
            except IndexError:  # another thread took it
                break
            if connection.resume():
                return connection
            if connection.has_surplus:
                self.distrust()
        return self.open()

    def give_back(self, connection: Connection, *, is_reusable: bool) -> None:
        """Take a connection back from a call. Close it unless another call may use it."""
        now = time.monotonic()
        if is_reusable and len(self) < self._max_idle and now >= self._distrusted_until:
            connection.pause(now)
            self._resting.append(connection)
        else:
            connection.close()

    def distrust(self) -> None:
        """Use no connection again for some minutes: the upstream has sent something that belongs to no call."""
        now = time.monotonic()
        if now >= self._distrusted_until:
            logger.warning("An upstream sent bytes after its answer. For 5 minutes, each call opens a new connection.")
        self._distrusted_until = now + _DISTRUST_SECONDS
        _close_all(self._resting, self._rested)

    def _sort(self, now: float) -> None:
        """Make the connections that have rested ready for use."""
        try:
            while (connection := self._resting.popleft()).idle_since + self._rest_seconds <= now:
                self._rested.append(connection)
        except IndexError:
            return
        self._resting.appendleft(connection)

    def open(self) -> Connection:
        """A new connection. Raises what `take` does."""
        current, left = lifetime.current(), self._connect_seconds
        for _ in range(_ATTEMPTS):
            connection, started = Connection(self._route), time.monotonic()
            try:
                connection.open(left if current is None else min(left, current.remaining))
            except (ConnectError, OSError, ProtocolError) as error:
                connection.close()
                if current is not None:
                    current.check()
                left -= time.monotonic() - started
                if left <= 0 or not isinstance(error, ConnectError):
                    break
            else:
                return connection
        raise UpstreamUnavailable("The model could not be reached.") from None


def _close_all(*queues: deque[Connection]) -> None:
    for connections in queues:
        with contextlib.suppress(IndexError):  # it is empty
            while True:
                connections.pop().close()


def make_endpoint(base_url: str, path: str, headers: Mapping[str, str], *, trust_env: bool) -> Endpoint:
    """The endpoint of a URL. Raises `InvalidOptionError`."""
    _check_url(base_url)
    _check_headers(headers)
    session, adapter = requests.Session(), HTTPAdapter()
    session.trust_env = trust_env
    try:
        request = requests.Request("POST", base_url.rstrip("/") + path, headers=dict(headers)).prepare()
        environment: Any = session.merge_environment_settings(request.url, {}, None, None, None)
    except (ValueError, requests.RequestException):
        raise InvalidOptionError("base_url is not a valid URL.") from None
    del request.headers["Content-Length"]  # of an empty body
    request.headers.setdefault("Host", urlsplit(str(request.url)).netloc)
    proxy = select_proxy(str(request.url), environment["proxies"])
    route, proxy_headers = _make_route(urlsplit(str(request.url)), proxy, environment["verify"])
    target = adapter.request_url(request, environment["proxies"])
    all_headers = request.headers if route.tunnel else {**request.headers, **proxy_headers}
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in all_headers.items())]
    return Endpoint(route, "".join(f"{line}\r\n" for line in lines).encode("latin-1"))


def _check_url(base_url: str) -> None:
    if not isinstance(base_url, str):
        raise InvalidOptionError("base_url must be a string.")
    try:
        parts = urlsplit(base_url)
        is_address = parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of the port, or of an IPv6 address
        is_address = False
    if not is_address or not base_url.isprintable() or " " in base_url:
        raise InvalidOptionError("base_url must be an address such as https://api.example.com/v1.")
    if "@" in parts.netloc:
        raise InvalidOptionError("base_url must not contain a user name or password; use api_key or headers.")
    if parts.query or parts.fragment or base_url.endswith(("?", "#")):
        raise InvalidOptionError("base_url must not contain a query string or fragment.")


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            raise InvalidOptionError("The names and values of headers must be strings.")
        if not _HEADER_NAME.fullmatch(name):
            raise InvalidOptionError("The name of a header is invalid.")
        if not _HEADER_VALUE.fullmatch(value) or value != value.strip():
            raise InvalidOptionError(f"The value of the header {name!r} contains characters that HTTP does not allow.")


def _make_route(url: SplitResult, proxy: str | None, verify: bool | str) -> tuple[Route, dict[str, str]]:
    """The route to a URL, and the headers that the proxy needs."""
    upstream = str(url.hostname), url.port or _DEFAULT_PORTS[url.scheme]
    tls = _make_tls_context(verify) if url.scheme == "https" else None
    if not proxy:
        return Route(peer=Peer(*upstream), hostname=upstream[0], tls=tls), {}
    peer, headers = _parse_proxy(proxy)
    tunnel = b""
    if tls is not None:
        host = f"[{upstream[0]}]:{upstream[1]}" if ":" in upstream[0] else f"{upstream[0]}:{upstream[1]}"
        lines = [f"CONNECT {host} HTTP/1.1", f"Host: {host}", *(f"{name}: {headers[name]}" for name in headers), "", ""]
        tunnel = "\r\n".join(lines).encode("latin-1")
    return Route(peer=Peer(*peer), hostname=upstream[0], tls=tls, tunnel=tunnel), headers


def _parse_proxy(proxy: str) -> tuple[tuple[str, int], dict[str, str]]:
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port = None, 0
    if not host or parts.scheme != "http":
        raise InvalidOptionError("The proxy in the environment must be an http:// address.")
    if parts.username is None:
        return (host, port), {}
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return (host, port), {"Proxy-Authorization": f"Basic {base64.b64encode(credentials).decode()}"}


@lru_cache(8)
def _make_tls_context(verify: bool | str) -> ssl.SSLContext:
    bundle = Path(verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH)
    try:
        is_folder = bundle.is_dir()
        context = ssl.create_default_context(
            cafile=None if is_folder else str(bundle), capath=str(bundle) if is_folder else None
        )
    except OSError:
        raise InvalidOptionError("The certificate bundle in the environment cannot be read.") from None
    context.set_alpn_protocols(["http/1.1"])
    return context
