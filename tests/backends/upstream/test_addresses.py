"""Names of upstreams are looked up once in a while, and numbers never."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from threadless.backends.upstream.addresses import find_addresses, forget

NAME = ("localhost", 8000)


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What the system is asked for; nothing is known beforehand, nor afterwards."""
    asked: list[Any] = []
    system = socket.getaddrinfo

    def note(*arguments: Any) -> Any:
        asked.append(arguments[:2])
        return system(*arguments)

    monkeypatch.setattr(socket, "getaddrinfo", note)
    forget(NAME)
    yield asked
    forget(NAME)


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_number_is_an_address_without_a_look_up(lookups: list[Any], host: str, family: int) -> None:
    assert find_addresses((host, 80)) == [(family, (host, 80))]
    assert lookups == []


def test_name_is_looked_up_once(lookups: list[Any]) -> None:
    first = find_addresses(NAME)
    assert find_addresses(NAME) == first
    assert lookups == [NAME]
    assert "127.0.0.1" in [address[0] for _, address in first]


def test_forgotten_name_is_looked_up_again(lookups: list[Any]) -> None:
    find_addresses(NAME)
    forget(NAME)
    find_addresses(NAME)
    assert lookups == [NAME, NAME]


def test_name_that_nobody_has_is_an_error_and_not_kept(lookups: list[Any]) -> None:
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            find_addresses(("nobody.invalid", 80))
    assert len(lookups) == 2
