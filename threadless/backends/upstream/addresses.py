"""The addresses of an upstream's host, kept for a few seconds.

gevent looks up every name, and even every numeric address, in another thread. If a thousand streams begin at once and
each opens a connection, the first bytes take ten times longer because of these lookups.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

_KEPT_SECONDS: Final = 10.0

Address: TypeAlias = tuple[int, Any]
"""An address family, and an address for `socket.connect`."""

_PRIVATE_DOMAINS: Final = (".localhost", ".local", ".internal", ".home.arpa", ".svc")


class Peer:
    """A host and port to connect to. Each user of a host has a `Peer` of its own, so they share no addresses."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._addresses: list[Address] = []
        self._until = 0.0

    def addresses(self) -> list[Address]:
        """Best first. Raises `socket.gaierror`, or `UnicodeError` for an invalid name."""
        if time.monotonic() >= self._until:
            self._addresses = _parse_numeric(self.host, self.port) or _look_up(self.host, self.port)
            self._until = time.monotonic() + _KEPT_SECONDS
        return self._addresses

    def forget(self) -> None:
        """Look the name up again next time, because none of its addresses answered."""
        self._until = 0.0


def is_exposed(url: str) -> bool:
    """True if requests to this URL leave the private network without encryption. Only the host is considered."""
    return urlsplit(url).scheme == "http" and is_public(url)


def is_public(url: str) -> bool:
    """True if the host of this URL is outside of private networks, as far as its name tells."""
    host = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_private
    except ValueError:  # a name; without a dot it is a neighbor, such as a container
        return "." in host and not host.endswith(_PRIVATE_DOMAINS)


def _parse_numeric(host: str, port: int) -> list[Address]:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return []
    return [(socket.AF_INET6 if version == 6 else socket.AF_INET, (host, port))]


def _look_up(host: str, port: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, socket.AF_UNSPEC, socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]
