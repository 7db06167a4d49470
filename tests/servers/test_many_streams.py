"""Hundreds of streams on servers with threads, whose reading threads are then woken one after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers.rig import Rig, rig
from tests.support.bodies import DONE, chunks_of
from tests.support.client import Connection
from tests.support.upstream import Exchange
from threadless.server.readiness import MANY

STREAMS = MANY + 20
OPTIONS = {"uvicorn": [], "gthread": ["--threads", str(STREAMS + 20)]}


@pytest.fixture(params=OPTIONS)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    limits = {"CONCURRENT_CALLS_PER_KEY": None}
    with rig(request.param, tmp_path, options=OPTIONS[request.param], THREADLESS=limits) as made:
        yield made


@pytest.fixture
def may_end(made: Rig) -> threading.Event:
    """Until this event is set, each stream of the upstream rests after its first chunk with text."""
    event = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.start()
        role, first, *rest = chunks_of("Hello", " there")
        for body in (role, first):
            exchange.event(body)
        event.wait(60)
        for body in rest:
            exchange.event(body)
        exchange.end()

    made.upstream.script(script)
    return event


def started(made: Rig, stack: ExitStack) -> list[Connection]:
    """The clients of many streams, each of which has its first text."""
    clients = [stack.enter_context(made.connect()) for _ in range(STREAMS)]
    for number, client in enumerate(clients):
        client.post(f"stream-{number}", stream=True)
    for client in clients:
        client.read_until(b"Hello")
    return clients


def test_every_stream_arrives_whole(made: Rig, may_end: threading.Event) -> None:
    with ExitStack() as stack:
        clients = started(made, stack)
        may_end.set()
        for client in clients:
            assert b" there" in client.read_until(DONE)


def test_clients_that_leave_end_their_streams(made: Rig, may_end: threading.Event) -> None:
    with ExitStack() as stack:
        started(made, stack)
    exchanges = made.upstream.wait_for(STREAMS)
    assert all(exchange.wait_closed(20) for exchange in exchanges)
    may_end.set()
