"""Names of upstreams are looked up once in a while, and numbers never."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from threadless.backends.upstream.addresses import Peer

NAME = ("localhost", 8000)


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the system is asked for."""
    asked: list[Any] = []
    system = socket.getaddrinfo

    def note(*arguments: Any) -> Any:
        asked.append(arguments[:2])
        return system(*arguments)

    monkeypatch.setattr(socket, "getaddrinfo", note)
    return asked


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_number_is_an_address_without_a_look_up(lookups: list[Any], host: str, family: int) -> None:
    assert Peer(host, 80).addresses() == [(family, (host, 80))]
    assert lookups == []


def test_name_is_looked_up_once(lookups: list[Any]) -> None:
    peer = Peer(*NAME)
    first = peer.addresses()
    assert peer.addresses() == first
    assert lookups == [NAME]
    assert "127.0.0.1" in [address[0] for _, address in first]


def test_peers_of_the_same_name_share_no_address(lookups: list[Any]) -> None:
    Peer(*NAME).addresses()
    Peer(*NAME).addresses()
    assert lookups == [NAME, NAME]


def test_forgotten_name_is_looked_up_again(lookups: list[Any]) -> None:
    peer = Peer(*NAME)
    peer.addresses()
    peer.forget()
    peer.addresses()
    assert lookups == [NAME, NAME]


def test_name_that_nobody_has_is_an_error_and_not_kept(lookups: list[Any]) -> None:
    peer = Peer("nobody.invalid", 80)
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            peer.addresses()
    assert len(lookups) == 2
