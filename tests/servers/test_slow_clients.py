"""Clients that send or read as slowly as they can: each holds a thread and a connection for a bounded time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.servers import checks
from tests.servers.rig import Rig, rig
from tests.support.bodies import completion
from tests.support.client import PATH
from tests.support.upstream import Exchange

THREADS = 4
SLOW = {"BODY_SECONDS": 1, "STALL_SECONDS": 2, "GRACE_SECONDS": 0.2}
ANSWER = "x" * 12_000_000
"""More than the system takes for a client that reads nothing."""


@pytest.fixture(scope="module", params=["gevent", "gthread"])
def impatient(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A server with small timeouts and, under gthread, few threads."""
    options = ["--threads", str(THREADS)] if request.param == "gthread" else []
    with rig(request.param, tmp_path_factory.mktemp("host"), options=options, THREADLESS=SLOW) as made:
        yield made


@pytest.fixture
def server(impatient: Rig) -> Rig:
    """The upstream answers as usual."""
    impatient.upstream.forget()
    return impatient


def head(key: str, *lines: str) -> bytes:
    """The head of a call whose body may follow."""
    usual = [f"POST {PATH} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {key}"]
    return "\r\n".join([*usual, "Content-Type: application/json", *lines, "", ""]).encode()


def status_of_a_call(server: Rig) -> int:
    """What another client gets meanwhile."""
    with server.connect() as client:
        return client.post("victim").read_head()[0]


needs_user_timeout = pytest.mark.skipif(
    not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system cannot close the connections of clients that stall"
)
UPLOADS = {"length": ("Content-Length: 1000", b"{"), "chunked": ("Transfer-Encoding: chunked", b"3e8\r\n{")}


@pytest.mark.parametrize(("line", "start"), UPLOADS.values(), ids=UPLOADS)
def test_upload_that_is_too_slow_gets_a_408(server: Rig, line: str, start: bytes) -> None:
    with server.connect() as client:
        client.send(head(server.host.key, line) + start)
        client.drip()
        reply = client.read_reply()
        client.drip(to_end=True)

    assert (reply.status, reply.error["code"]) == (408, "request_timeout")
    assert server.upstream.exchanges == []


def test_upload_that_pauses_within_its_time_is_read(server: Rig) -> None:
    content = b'{"model": "small", "messages": [{"role": "user", "content": "Hi"}]}'
    with server.connect() as client:
        client.send(head(server.host.key, f"Content-Length: {len(content)}"))
        time.sleep(0.3)
        client.send(content)
        assert client.read_reply().status == 200


@pytest.mark.parametrize("line", ["Content-Length: 15000000", "Transfer-Encoding: chunked"])
def test_refused_request_that_is_sent_byte_by_byte_is_dropped(server: Rig, line: str) -> None:
    with server.connect() as client:
        client.send(head("invented", line, "Connection: close"))
        assert client.read_head()[0] == 401
        client.drip(to_end=True)


@pytest.mark.parametrize("key", ["valid", "invented"])
def test_slow_uploads_leave_room_for_other_calls(server: Rig, key: str) -> None:
    lines = head(server.host.key if key == "valid" else key, "Content-Length: 15000000")
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(THREADS))
        clients = [stack.enter_context(server.connect()) for _ in range(THREADS)]
        for client in clients:
            client.send(lines)
        ends = [pool.submit(client.drip, to_end=True) for client in clients]
        assert status_of_a_call(server) == 200
        for end in ends:
            end.result()


def answer_at_length(exchange: Exchange) -> None:
    """More than a client that reads nothing can be sent, to those who ask as `greedy`."""
    if exchange.body.get("user") == "greedy" and not exchange.body.get("stream"):
        exchange.answer(completion(ANSWER))
    else:
        checks.answer_at_length(exchange)


@needs_user_timeout
def test_client_that_does_not_read_a_stream_loses_its_connection(server: Rig) -> None:
    assert checks.client_that_stops_reading_is_dropped(server)


@needs_user_timeout
def test_client_that_does_not_read_a_plain_answer_loses_its_connection(server: Rig) -> None:
    server.upstream.script(answer_at_length)
    with server.connect(receive_buffer=4096) as client:
        client.post("greedy-plain", user="greedy").read_head()
        assert checks.is_dropped(client)
    assert server.ledger.settled_row("greedy-plain")["state"] == "completed"


@needs_user_timeout
@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "plain"])
def test_clients_that_read_nothing_leave_room_for_other_calls(server: Rig, is_stream: bool) -> None:
    server.upstream.script(answer_at_length)
    with ExitStack() as stack:
        for _ in range(THREADS):
            client = stack.enter_context(server.connect(receive_buffer=4096))
            client.post("greedy", stream=is_stream, user="greedy").read_head()
        assert status_of_a_call(server) == 200


def test_slow_reader_that_goes_on_reading_gets_the_whole_answer(server: Rig) -> None:
    server.upstream.script(answer_at_length)
    with server.connect(receive_buffer=4096) as client:
        client.post("greedy", user="greedy").read_head()
        received, end = 0, time.monotonic() + SLOW["STALL_SECONDS"] * 2
        while time.monotonic() < end:
            received += len(client.receive(100_000))
            time.sleep(0.1)
        received += len(client.read_rest())
    assert received > len(ANSWER)


def test_kept_connection_may_be_idle_for_longer_than_the_stall_time(server: Rig) -> None:
    with server.connect() as client:
        for number in range(2):
            client.post(f"idle-{number}", {"Connection": "keep-alive"})
            assert client.read_reply().status == 200
            threading.Event().wait(SLOW["STALL_SECONDS"] * 1.5 if number == 0 else 0)
