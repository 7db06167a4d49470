"""Which connections to an upstream are used again, and how long making one may take."""

from __future__ import annotations

import gc
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.backends.upstream.sender import WAIT, Sender
from tests.support.upstream import Exchange, ScriptedUpstream
from threadless.backends.lifetime import Lifetime
from threadless.backends.upstream.addresses import Peer
from threadless.backends.upstream.connections import Route, State
from threadless.backends.upstream.pool import Pool
from threadless.exceptions import Cancelled, UpstreamTimeout, UpstreamUnavailable

OK = b"HTTP/1.1 200 OK\r\n"
HOST = "127.0.0.1"


def make_pool(port: int, *, connect_seconds: float = WAIT, max_idle: int = 10, **route: Any) -> Pool:
    path = Route(peer=Peer(HOST, port), hostname=HOST, **route)
    return Pool(path, connect_seconds=connect_seconds, max_idle=max_idle, rest_seconds=0)


@pytest.fixture
def pool(upstream: ScriptedUpstream) -> Pool:
    return make_pool(upstream.port)


def send(data: bytes) -> Any:
    """A script that answers with these bytes, and leaves the connection open."""

    def script(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.ended = True

    return script


def connections_used(upstream: ScriptedUpstream) -> list[int]:
    return [exchange.connection for exchange in upstream.exchanges]


def test_idle_connection_is_used_again(sender: Sender, upstream: ScriptedUpstream) -> None:
    sender.ask()
    sender.ask()
    assert connections_used(upstream) == [1, 1]


@pytest.mark.parametrize(
    "happen", [Exchange.cut, lambda exchange: exchange.send(b"HTTP/1.1 408 Too late\r\n\r\n")], ids=["end", "bytes"]
)
def test_idle_connection_on_which_something_arrived_is_replaced(
    pool: Pool, upstream: ScriptedUpstream, happen: Any
) -> None:
    connection = pool.take()
    connection.sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    upstream.script(happen)
    assert select.select([connection.sock], [], [], WAIT)[0]
    pool.give_back(connection, is_reusable=True)
    pool.give_back(pool.take(), is_reusable=True)
    assert connection.state is State.CLOSED


def test_connection_has_a_state(pool: Pool) -> None:
    connection = pool.take()
    states = [connection.state]
    pool.give_back(connection, is_reusable=True)
    states.append(connection.state)
    pool.give_back(pool.take(), is_reusable=False)
    states.append(connection.state)
    assert states == [State.ACTIVE, State.IDLE, State.CLOSED]


@pytest.mark.parametrize(
    ("answer", "is_kept"),
    [
        (OK + b"Content-Length: 2\r\n\r\n{}", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", True),
        (OK + b"Content-Length: 2\r\n\r\n{}surplus", False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nsurplus", False),
        (OK + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}", False),
        (b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}", False),
        (b"HTTP/1.1 204 Empty\r\n\r\n", False),
        (b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\n{}", False),
    ],
)
def test_connection_is_kept_after_a_complete_successful_answer(
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


def test_connection_with_an_answer_before_its_request_is_not_kept() -> None:
    with socket.create_server((HOST, 0)) as server:
        sender = Sender(server.getsockname()[1])

        def answer_early() -> None:
            sock, _ = server.accept()
            with sock:
                size = len(sock.recv(100))
                sock.sendall(OK + b"Content-Length: 2\r\n\r\n{}")
                while size < len(body):
                    size += len(sock.recv(65536))
                is_asked.wait(WAIT)

        body, is_asked = b"x" * 32 * 1024 * 1024, threading.Event()
        thread = threading.Thread(target=answer_early)
        thread.start()
        assert sender.ask(body) == (200, b"{}")
        assert sender.upstream.idle_connections == 0
        is_asked.set()
        thread.join(WAIT)


def test_no_more_connections_are_kept_than_asked(upstream: ScriptedUpstream) -> None:
    pool = make_pool(upstream.port, max_idle=2)
    taken = [pool.take() for _ in range(4)]
    for connection in taken:
        pool.give_back(connection, is_reusable=True)
    assert [connection.state for connection in taken] == [State.IDLE, State.IDLE, State.CLOSED, State.CLOSED]


def test_idle_connections_are_closed_with_their_owner(upstream: ScriptedUpstream) -> None:
    pool = make_pool(upstream.port)
    connection = pool.take()
    pool.give_back(connection, is_reusable=True)
    del pool
    gc.collect()
    assert connection.state is State.CLOSED


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


class MovingRoute:
    """Leads to one port after the other."""

    hostname, tls, tunnel = HOST, None, b""

    def __init__(self, *ports: int) -> None:
        self.ports = list(ports)

    @property
    def peer(self) -> Peer:
        return Peer(HOST, self.ports.pop(0))


def test_failed_connect_is_tried_once_more(upstream: ScriptedUpstream, silent_port: int) -> None:
    route: Any = MovingRoute(silent_port, silent_port, upstream.port)  # the first is also forgotten
    pool = Pool(route, connect_seconds=WAIT, max_idle=1)
    pool.give_back(pool.take(), is_reusable=True)
    assert len(pool) == 1


def test_connect_that_failed_twice_makes_the_upstream_unavailable(silent_port: int) -> None:
    route: Any = MovingRoute(*[silent_port] * 5)
    with pytest.raises(UpstreamUnavailable):
        Pool(route, connect_seconds=WAIT, max_idle=1).take()
    assert route.ports == [silent_port]


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose queue of connections is full: connecting to it takes long."""
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen(0)
        address = server.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(address)
        yield address[1]
        for sock in waiting:
            sock.close()


@pytest.fixture
def mute_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(params=["connect", "TLS handshake", "tunnel"])
def slow_route(request: pytest.FixtureRequest) -> Route:
    """A route on which one step of connecting does not end."""
    port = request.getfixturevalue("full_port" if request.param == "connect" else "mute_port")
    route = Route(peer=Peer(HOST, port), hostname=HOST)
    if request.param == "TLS handshake":
        return replace(route, tls=ssl.create_default_context())
    return replace(route, tunnel=b"CONNECT host:443 HTTP/1.1\r\n\r\n") if request.param == "tunnel" else route


def test_connecting_ends_after_its_time(slow_route: Route) -> None:
    with pytest.raises(UpstreamUnavailable):
        Pool(slow_route, connect_seconds=0.05, max_idle=1).take()


def test_connecting_ends_at_the_deadline_of_the_call(slow_route: Route) -> None:
    with Lifetime(0.05).active(), pytest.raises(UpstreamTimeout):
        Pool(slow_route, connect_seconds=3600, max_idle=1).take()


def test_connecting_ends_when_the_call_is_cancelled(slow_route: Route) -> None:
    lifetime = Lifetime(3600)
    timer = threading.Timer(0.05, lifetime.cancel)
    timer.start()
    with lifetime.active(), pytest.raises(Cancelled):
        Pool(slow_route, connect_seconds=3600, max_idle=1).take()
    timer.join()


def test_call_that_is_cancelled_already_does_not_connect(full_port: int) -> None:
    lifetime = Lifetime(3600)
    lifetime.cancel()
    with lifetime.active(), pytest.raises(Cancelled):
        make_pool(full_port, connect_seconds=3600).take()


def test_handshake_that_trickles_ends_after_its_time() -> None:
    with socket.create_server((HOST, 0)) as server:
        is_over = threading.Event()

        def trickle() -> None:
            sock, _ = server.accept()
            with sock:
                sock.sendall(b"\x16\x03\x03\x3f\xff\x02")
                while not is_over.wait(0.01):
                    sock.sendall(b"\0")

        thread = threading.Thread(target=trickle)
        thread.start()
        pool = make_pool(server.getsockname()[1], connect_seconds=0.1, tls=ssl.create_default_context())
        with pytest.raises(UpstreamUnavailable):
            pool.take()
        is_over.set()
        thread.join(WAIT)
