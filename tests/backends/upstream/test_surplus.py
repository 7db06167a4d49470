"""What an upstream sends beside its answers reaches no other call."""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import threading
from collections.abc import Callable

import pytest

from tests.backends.upstream.sender import WAIT, Sender
from tests.support.upstream import Exchange, ScriptedUpstream
from threadless.backends.upstream.addresses import Peer
from threadless.backends.upstream.connections import Route
from threadless.backends.upstream.pool import Pool

HOST = "127.0.0.1"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SURPLUS = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nSMUGGLED"


@pytest.fixture
def pool(upstream: ScriptedUpstream) -> Pool:
    """Uses a connection again at once."""
    return Pool(Route(peer=Peer(HOST, upstream.port), hostname=HOST), connect_seconds=WAIT, max_idle=10, rest_seconds=0)


def receive_while_idle(pool: Pool, upstream: ScriptedUpstream, happen: Callable[[Exchange], None]) -> None:
    """Let something happen on an idle connection, and take the next one."""
    connection = pool.take()
    upstream.script(happen)
    connection.sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    assert select.select([connection.sock], [], [], WAIT)[0]
    pool.give_back(connection, is_reusable=True)
    pool.give_back(pool.take(), is_reusable=True)


def send(data: bytes) -> Callable[[Exchange], None]:
    """A script that sends these bytes, and leaves the connection open."""

    def script(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.ended = True

    return script


def test_connection_rests_before_its_next_call(upstream: ScriptedUpstream) -> None:
    sender = Sender(upstream.port, rest_seconds=3600)
    sender.ask()
    sender.ask()
    assert [exchange.connection for exchange in upstream.exchanges] == [1, 2]
    assert sender.upstream.idle_connections == 2


def test_surplus_response_during_the_rest_reaches_no_call(upstream: ScriptedUpstream, told: threading.Event) -> None:
    def answer_twice(exchange: Exchange) -> None:
        exchange.send(ANSWER)
        assert told.wait(WAIT)
        exchange.send(SURPLUS)

    sender = Sender(upstream.port, rest_seconds=3600)
    upstream.script(answer_twice)
    sender.ask()
    upstream.script(send(ANSWER))
    told.set()
    assert sender.ask() == (200, b"{}")


def test_connections_are_closed_after_a_surplus_response(sender: Sender, upstream: ScriptedUpstream) -> None:
    upstream.script(send(ANSWER))
    with sender.post() as first, sender.post() as second:
        first.read()
        second.read()
    assert sender.upstream.idle_connections == 2
    upstream.script(send(ANSWER + SURPLUS))
    sender.ask()
    assert sender.upstream.idle_connections == 0


def test_connection_in_use_is_not_kept_after_a_surplus_response(sender: Sender, upstream: ScriptedUpstream) -> None:
    upstream.script(send(ANSWER))
    with sender.post() as response:
        upstream.script(send(ANSWER + SURPLUS))
        sender.ask()
        response.read()
    assert sender.upstream.idle_connections == 0


def test_no_connection_is_kept_after_a_surplus_response_while_idle(pool: Pool, upstream: ScriptedUpstream) -> None:
    receive_while_idle(pool, upstream, send(SURPLUS))
    assert len(pool) == 0


@pytest.mark.parametrize(
    "happen",
    [Exchange.cut, send(b"HTTP/1.1 408 Request Time-out\r\nConnection: close\r\n\r\n")],
    ids=["end", "408"],
)
def test_connections_are_kept_after_an_idle_one_was_closed(
    pool: Pool, upstream: ScriptedUpstream, happen: Callable[[Exchange], None]
) -> None:
    receive_while_idle(pool, upstream, happen)
    assert len(pool) == 1


def test_surplus_responses_are_logged_once(
    sender: Sender, upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.script(send(ANSWER + SURPLUS))
    sender.ask()
    sender.ask()
    assert [(record.name, record.levelno) for record in caplog.records] == [("threadless", logging.WARNING)]
    assert str(upstream.port) not in caplog.text


class Hasty:
    """An upstream whose first connection answers a call, and then the head of the next one. The second is good."""

    def __init__(self, server: socket.socket, size: int) -> None:
        self._server, self._size = server, size
        self.received_first = 0
        self.is_over = threading.Event()

    def serve(self) -> None:
        first, _ = self._server.accept()
        with first:
            first.recv(65536)
            first.sendall(ANSWER)
            first.recv(100)
            first.sendall(SURPLUS)
            self.received_first = self._read(first)
        second, _ = self._server.accept()
        with second:
            self._read(second)
            second.sendall(ANSWER)
            self.is_over.wait(WAIT)

    def _read(self, sock: socket.socket) -> int:
        """The number of bytes until a whole request or the end of the connection."""
        got = 0
        with contextlib.suppress(ConnectionError):
            while got < self._size and (data := sock.recv(65536)):
                got += len(data)
        return got


def test_answer_on_a_used_connection_to_half_a_request_is_not_taken() -> None:
    body = b"x" * 32 * 1024 * 1024
    with socket.create_server((HOST, 0)) as server:
        upstream = Hasty(server, len(body))
        thread = threading.Thread(target=upstream.serve)
        thread.start()
        sender = Sender(server.getsockname()[1])
        sender.ask()
        assert sender.ask(body) == (200, b"{}")
        assert upstream.received_first < len(body)
        upstream.is_over.set()
        thread.join(WAIT)
