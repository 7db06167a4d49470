"""Where an upstream's name leads to, remembered for a moment.

gevent hands every look-up, of a number too, to another thread, which waits for the interpreter each time: when a
thousand streams begin, each opening a connection, their first bytes come ten times later for it.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import Any, Final, TypeAlias

_KEPT_SECONDS: Final = 10.0

Place: TypeAlias = tuple[str, int]
Address: TypeAlias = tuple[int, Any]
"""A family, and what `socket.connect` takes for it."""

_known: dict[Place, tuple[float, list[Address]]] = {}


def addresses_of(place: Place) -> list[Address]:
    """The addresses of a host and port, those to try first at the front; raises `socket.gaierror`."""
    until, addresses = _known.get(place, (0.0, []))
    if time.monotonic() >= until:
        addresses = _numeric(*place) or _looked_up(*place)
        _known[place] = time.monotonic() + _KEPT_SECONDS, addresses
    return addresses


def forget(place: Place) -> None:
    """Look the name up anew next time: nothing answered where it led to."""
    _known.pop(place, None)


def _numeric(host: str, port: int) -> list[Address]:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return []
    return [(socket.AF_INET6 if version == 6 else socket.AF_INET, (host, port))]


def _looked_up(host: str, port: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, socket.AF_UNSPEC, socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]
