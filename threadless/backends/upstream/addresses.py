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

HostPort: TypeAlias = tuple[str, int]
Address: TypeAlias = tuple[int, Any]
"""An address family, and an address for `socket.connect`."""

_PRIVATE_DOMAINS: Final = (".localhost", ".local", ".internal", ".home.arpa", ".svc")

_known: dict[HostPort, tuple[float, list[Address]]] = {}


def find_addresses(host_port: HostPort) -> list[Address]:
    """The addresses of a host and port, best first. Raises `socket.gaierror`, or `UnicodeError` for an invalid name."""
    until, addresses = _known.get(host_port, (0.0, []))
    if time.monotonic() >= until:
        addresses = _parse_numeric(*host_port) or _look_up(*host_port)
        _known[host_port] = time.monotonic() + _KEPT_SECONDS, addresses
    return addresses


def forget(host_port: HostPort) -> None:
    """Look the name up again next time, because none of its addresses answered."""
    _known.pop(host_port, None)


def is_exposed(url: str) -> bool:
    """True if requests to this URL leave the private network without encryption. Only the host is considered."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "http":
        return False
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
