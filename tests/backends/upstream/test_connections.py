"""Which connections to an upstream are used again, and which never are."""

from __future__ import annotations

import gc
import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.backends.upstream.sender import WAIT, Sender
from tests.support.upstream import Exchange, ScriptedUpstream
from threadless.backends.lifetime import Lifetime
from threadless.backends.upstream.connections import POOL_CLASSES
from threadless.exceptions import UpstreamUnavailable

OK = b"HTTP/1.1 200 OK\r\n"


def send(data: bytes) -> Any:
    """A script that answers with these bytes, and leaves the connection open."""

    def script(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.ended = True

    return script


def connections_used(upstream: ScriptedUpstream) -> list[int]:
    return [exchange.connection for exchange in upstream.exchanges]


def let_happen_while_idle(sender: Sender, happening: Any) -> None:
    """Something that the upstream does to an idle connection, once it has come."""
    connection = sender.connections.take()
    happening()
    assert select.select([connection.sock], [], [], WAIT)[0]
    sender.connections.give_back(connection, is_reusable=True)


def test_idle_connection_is_used_again(sender: Sender, upstream: ScriptedUpstream) -> None:
    sender.ask()
    sender.ask()
    assert connections_used(upstream) == [1, 1]


def test_idle_connection_that_the_upstream_has_closed_is_replaced(sender: Sender, upstream: ScriptedUpstream) -> None:
    sender.ask()
    let_happen_while_idle(sender, upstream.exchanges[0].cut)
    assert sender.ask()[0] == 200
    assert connections_used(upstream) == [1, 2]


def test_idle_connection_on_which_something_came_is_replaced(sender: Sender, upstream: ScriptedUpstream) -> None:
    sender.ask()
    let_happen_while_idle(sender, lambda: upstream.exchanges[0].send(b"HTTP/1.1 408 Too late\r\n\r\n"))
    assert sender.ask()[0] == 200
    assert connections_used(upstream) == [1, 2]


@pytest.mark.parametrize(
    ("answer", "is_kept"),
    [
        (OK + b"Content-Length: 2\r\n\r\n{}", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", True),
        (OK + b"Content-Length: 2\r\n\r\n{}excess", False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nexcess", False),
        (OK + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}", False),
        (OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", False),
    ],
)
def test_connection_is_kept_if_its_answer_ended_where_it_said(
    sender: Sender, upstream: ScriptedUpstream, answer: bytes, is_kept: bool
) -> None:
    upstream.script(send(answer))
    assert sender.keeps_connection_after() is is_kept


def test_connection_whose_end_was_that_of_the_answer_is_not_kept(sender: Sender, upstream: ScriptedUpstream) -> None:
    upstream.script(lambda exchange: exchange.send(OK + b"\r\n{}"))
    assert not sender.keeps_connection_after()


def test_connection_whose_answer_was_not_read_whole_is_not_kept(sender: Sender, upstream: ScriptedUpstream) -> None:
    upstream.script(send(OK + b"Content-Length: 3\r\n\r\n{}"))
    assert not sender.keeps_connection_after(lambda response: next(response.segments()))


def test_no_more_connections_are_kept_than_asked(upstream: ScriptedUpstream) -> None:
    sender = Sender(upstream.port, most_idle=2)
    for _ in range(2):
        taken = [sender.connections.take() for _ in range(4)]
        for connection in taken:
            sender.connections.give_back(connection, is_reusable=True)
    assert [connection.sock is not None for connection in taken] == [True, True, False, False]


def test_idle_connections_are_closed_with_their_owner(upstream: ScriptedUpstream) -> None:
    sender = Sender(upstream.port)
    connection = sender.connections.take()
    sender.connections.give_back(connection, is_reusable=True)
    sock = connection.sock
    assert sock.fileno() >= 0
    del sender
    gc.collect()
    assert sock.fileno() == -1


def test_call_that_is_over_no_longer_stops_its_connection(sender: Sender, upstream: ScriptedUpstream) -> None:
    lifetime = Lifetime(WAIT)
    with lifetime.active():
        sender.ask()
    lifetime.cancel()
    sender.ask()
    assert connections_used(upstream) == [1, 1]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that refuses connections, and is nobody else's meanwhile."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


class MovingPool(POOL_CLASSES["http"]):  # type: ignore[misc,name-defined,valid-type]
    """Connects to one port after the other."""

    def __init__(self, *ports: int) -> None:
        super().__init__("127.0.0.1")
        self.ports = list(ports)

    def _new_conn(self) -> Any:
        self.port = self.ports.pop(0)
        return super()._new_conn()


def test_failed_connect_is_tried_once_more(upstream: ScriptedUpstream, silent_port: int) -> None:
    assert Sender(0, pool=MovingPool(silent_port, upstream.port)).ask()[0] == 200


def test_connect_that_failed_twice_is_told(silent_port: int) -> None:
    pool = MovingPool(silent_port, silent_port, silent_port)
    with pytest.raises(UpstreamUnavailable):
        Sender(0, pool=pool).ask()
    assert pool.ports == [silent_port]
