"""Head and body of a plain answer leave together, and a socket is never left corked."""

from __future__ import annotations

import gc
import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse

from threadless.api.client import send_at_once

WAIT = 10
HEAD, BODY = b"HTTP/1.1 200 OK\r\n\r\n", b"{}"


class Pair:
    """A server's socket and its client's."""

    def __init__(self, server: socket.socket, client: socket.socket) -> None:
        self.server, self.client = server, client
        client.settimeout(WAIT)

    def respond(self) -> HttpResponse:
        """The response to a request that came over it."""
        request, response = HttpRequest(), HttpResponse()
        request.META["gunicorn.socket"] = self.server
        send_at_once(request, response)
        return response

    @property
    def is_corked(self) -> bool:
        return bool(self.server.getsockopt(socket.IPPROTO_TCP, socket.TCP_CORK))

    def has_arrived(self, seconds: float) -> bool:
        return bool(select.select([self.client], [], [], seconds)[0])


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Over TCP, each write sent by itself."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
        listener.accept()[0] as server,
    ):
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Pair(server, client)


def arrives_together(pair: Pair) -> bool:
    """Whether the head waits for the body. The system lets it go after 0.2 s, which a busy machine may take."""
    response = pair.respond()
    pair.server.sendall(HEAD)
    has_waited = not pair.has_arrived(0.02)
    pair.server.sendall(BODY)
    response.close()
    received = pair.client.recv(1000)
    while received != HEAD + BODY:
        received += pair.client.recv(1000)
    return has_waited


def test_head_and_body_arrive_together(pair: Pair) -> None:
    assert any(arrives_together(pair) for _ in range(5))


def test_socket_is_let_go_when_the_response_is_closed(pair: Pair) -> None:
    response = pair.respond()
    assert pair.is_corked
    response.close()
    assert not pair.is_corked


def test_socket_is_let_go_when_the_response_is_dropped(pair: Pair) -> None:
    response = pair.respond()
    assert pair.is_corked
    del response
    gc.collect()
    assert not pair.is_corked


def test_socket_is_let_go_once(pair: Pair) -> None:
    first: Any = pair.respond()
    kept = list(first._resource_closers)
    first.close()
    second = pair.respond()
    del first, kept
    gc.collect()
    assert pair.is_corked
    second.close()


def test_socket_that_was_closed_meanwhile_does_no_harm(pair: Pair) -> None:
    response = pair.respond()
    pair.server.close()
    response.close()


def test_socket_that_was_closed_before_does_no_harm(pair: Pair) -> None:
    pair.server.close()
    pair.respond().close()


def test_socket_of_another_kind_works_as_ever() -> None:
    server, client = socket.socketpair()
    with server, client:
        pair = Pair(server, client)
        response = pair.respond()
        pair.server.sendall(HEAD)
        assert pair.client.recv(1000) == HEAD
        response.close()


def test_response_without_a_socket_is_left_alone() -> None:
    response: Any = HttpResponse()
    before = list(response._resource_closers)
    send_at_once(HttpRequest(), response)
    assert response._resource_closers == before
