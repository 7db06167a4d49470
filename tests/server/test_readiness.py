"""Threads that wait for data are woken, each for its own socket, if there are many of them."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.support.serving import ROOT
from threadless.server.readiness import MANY, reading, wait_readable

WAIT = 10
STILL_SECONDS = 0.2
_NO_DESCRIPTOR = """
import contextlib, resource, socket
from django.conf import settings; settings.configure()
from tests.support.serving import ROOT
from threadless.server.readiness import MANY, reading, wait_readable

stack = contextlib.ExitStack()
for _ in range(MANY):
    stack.enter_context(reading())
sock = socket.socket()
resource.setrlimit(resource.RLIMIT_NOFILE, (sock.fileno() + 1, sock.fileno() + 1))
wait_readable(sock)
print("returned")
"""

pytestmark = pytest.mark.skipif(not hasattr(select, "EPOLLONESHOT"), reason="needs epoll")


@pytest.fixture
def many_readers() -> Iterator[None]:
    with ExitStack() as readers:
        for _ in range(MANY):
            readers.enter_context(reading())
        yield


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(60) as pool:
        yield pool


def is_waiting(future: Future[None]) -> bool:
    """Whether it has not ended, also after a while."""
    ended = threading.Event()
    future.add_done_callback(lambda _: ended.set())
    return not ended.wait(STILL_SECONDS)


@pytest.mark.usefixtures("many_readers")
def test_data_ends_the_wait(pair: tuple[socket.socket, socket.socket], threads: ThreadPoolExecutor) -> None:
    ours, theirs = pair
    waiting = threads.submit(wait_readable, ours)
    assert is_waiting(waiting)
    theirs.send(b"x")
    waiting.result(WAIT)
    assert ours.recv(1) == b"x"


@pytest.mark.usefixtures("many_readers")
def test_shutdown_ends_the_wait(pair: tuple[socket.socket, socket.socket], threads: ThreadPoolExecutor) -> None:
    waiting = threads.submit(wait_readable, pair[0])
    assert is_waiting(waiting)
    pair[0].shutdown(socket.SHUT_RDWR)
    waiting.result(WAIT)


@pytest.mark.usefixtures("many_readers")
def test_data_that_is_there_needs_no_wait(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].send(b"x")
    wait_readable(pair[0])


@pytest.mark.usefixtures("many_readers")
def test_no_thread_is_forgotten(threads: ThreadPoolExecutor) -> None:
    """Fifty threads read what is sent to all of them at once, again and again."""

    def read_all(sock: socket.socket) -> bytes:
        received = b""
        while True:
            wait_readable(sock)
            if not (data := sock.recv(1)):
                return received
            received += data

    with ExitStack() as stack:
        pairs = [socket.socketpair() for _ in range(50)]
        for sock in [sock for pair in pairs for sock in pair]:
            stack.enter_context(sock)
        readers = [threads.submit(read_all, ours) for ours, _ in pairs]
        for number in range(100):
            for _, theirs in pairs:
                theirs.send(bytes([number]))
        for _, theirs in pairs:
            theirs.shutdown(socket.SHUT_WR)
        assert {reader.result(WAIT) for reader in readers} == {bytes(range(100))}


@pytest.mark.usefixtures("many_readers")
def test_closed_socket_is_an_error(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].close()
    with pytest.raises(OSError, match="closed"):
        wait_readable(pair[0])


@pytest.mark.usefixtures("many_readers")
def test_descriptor_can_belong_to_another_socket_later(threads: ThreadPoolExecutor) -> None:
    for number in (b"1", b"2"):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            waiting = threads.submit(wait_readable, ours)
            theirs.send(number)
            waiting.result(WAIT)
            assert ours.recv(1) == number


@pytest.mark.usefixtures("many_readers")
def test_socket_with_its_own_buffer_is_not_waited_for() -> None:
    class Buffered(socket.socket):
        """As that of a TLS connection through a TLS proxy. epoll does not see what its buffer holds."""

    with Buffered() as sock:
        wait_readable(sock)


def test_process_without_a_free_descriptor_waits_in_recv() -> None:
    done = subprocess.run([sys.executable, "-c", _NO_DESCRIPTOR], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "returned\n", done.stderr


def test_few_readers_wait_by_themselves(pair: tuple[socket.socket, socket.socket]) -> None:
    with reading():
        wait_readable(pair[0])  # returns although there is no data


def test_readers_that_have_ended_do_not_count(pair: tuple[socket.socket, socket.socket]) -> None:
    for _ in range(MANY):
        with reading():
            pass
    wait_readable(pair[0])
