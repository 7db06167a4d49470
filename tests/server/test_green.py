"""Waiting for a socket of gevent before it is read."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import gevent.socket
import gevent.ssl
import pytest

from tests.support.tls import make_certificate
from threadless.server.green import wait_readable

WAIT = 10


@pytest.fixture
def pair() -> Iterator[tuple[Any, Any]]:
    ours, theirs = gevent.socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_data_ends_the_wait(pair: tuple[Any, Any]) -> None:
    waiting = gevent.spawn(wait_readable, pair[0])
    gevent.sleep(0)
    assert not waiting.ready()
    pair[1].send(b"x")
    assert waiting.get(timeout=WAIT) is True
    assert pair[0].recv(1) == b"x"


@pytest.mark.parametrize("end", [lambda ours: ours.shutdown(socket.SHUT_RDWR), lambda ours: ours.close()])
def test_end_of_our_socket_ends_the_wait(pair: tuple[Any, Any], end: Any) -> None:
    waiting = gevent.spawn(wait_readable, pair[0])
    gevent.sleep(0)
    end(pair[0])
    with pytest.raises(OSError, match="closed"):
        waiting.get(timeout=WAIT)


def test_end_of_the_peer_ends_the_wait(pair: tuple[Any, Any]) -> None:
    waiting = gevent.spawn(wait_readable, pair[0])
    gevent.sleep(0)
    pair[1].close()
    assert waiting.get(timeout=WAIT) is True


def test_tls_data_that_was_already_read_ends_the_wait(pair: tuple[Any, Any], tmp_path: Path) -> None:
    server = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(make_certificate(tmp_path))
    client = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    accepting = gevent.spawn(server.wrap_socket, pair[1], server_side=True)
    with client.wrap_socket(pair[0]) as ours, accepting.get(timeout=WAIT) as theirs:
        theirs.send(b"xy")
        ours.recv(1)
        assert gevent.spawn(wait_readable, ours).get(timeout=WAIT) is True


def test_socket_of_a_thread_is_left_alone() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert wait_readable(ours) is False
