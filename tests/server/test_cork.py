"""Head and body of a plain answer leave together, and a socket is never left corked."""

from __future__ import annotations

import gc
import select
import socket
from collections.abc import Iterator

import pytest

from threadless.server.cork import Cork, cork

WAIT = 10
HEAD, BODY = b"HTTP/1.1 200 OK\r\n\r\n", b"{}"


class Pair:
    """A server's socket and its client's."""

    def __init__(self, server: socket.socket, client: socket.socket) -> None:
        self.server, self.client = server, client
        client.settimeout(WAIT)

    def cork(self) -> Cork:
        corked = cork(self.server)
        assert corked is not None
        return corked

    @property
    def is_corked(self) -> bool:
        return bool(self.server.getsockopt(socket.IPPROTO_TCP, socket.TCP_CORK))

    def has_arrived(self, seconds: float) -> bool:
        return bool(select.select([self.client], [], [], seconds)[0])


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Over TCP, each write sent separately."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
        listener.accept()[0] as server,
    ):
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Pair(server, client)


def arrives_together(pair: Pair) -> bool:
    """Whether the head waits for the body. The system releases it after 0.2 s, which a busy machine may take."""
    release = pair.cork()
    pair.server.sendall(HEAD)
    has_waited = not pair.has_arrived(0.02)
    pair.server.sendall(BODY)
    release()
    received = pair.client.recv(1000)
    while received != HEAD + BODY:
        received += pair.client.recv(1000)
    return has_waited


def test_head_and_body_arrive_together(pair: Pair) -> None:
    assert any(arrives_together(pair) for _ in range(5))


def test_socket_is_released_when_called(pair: Pair) -> None:
    release = pair.cork()
    assert pair.is_corked
    release()
    assert not pair.is_corked


def test_socket_is_released_when_the_cork_is_dropped(pair: Pair) -> None:
    release = pair.cork()
    assert pair.is_corked
    del release
    gc.collect()
    assert not pair.is_corked


def test_socket_is_released_once(pair: Pair) -> None:
    first = pair.cork()
    first()
    second = pair.cork()
    del first
    gc.collect()
    assert pair.is_corked
    second()


def test_socket_that_is_closed_meanwhile_does_no_harm(pair: Pair) -> None:
    release = pair.cork()
    pair.server.close()
    release()


def test_socket_that_was_closed_before_does_no_harm(pair: Pair) -> None:
    pair.server.close()
    pair.cork()()


def test_socket_of_another_kind_works_as_ever() -> None:
    server, client = socket.socketpair()
    with server, client:
        pair = Pair(server, client)
        release = pair.cork()
        pair.server.sendall(HEAD)
        assert pair.client.recv(1000) == HEAD
        release()


def test_request_without_a_socket_is_left_alone() -> None:
    assert cork(None) is None
