"""Several calls of one client: over a kept connection, and more at once than its key may have."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.servers.rig import Rig, rig
from tests.support.bodies import chunk
from tests.support.client import Connection
from tests.support.upstream import Exchange, Script, answer_normally

KEPT = {"Connection": "keep-alive"}
END = b"\n0\r\n\r\n"
"""The empty chunk; not the last header, should that end in a nought."""
LIMIT = 3


@pytest.fixture(scope="module", params=["gevent", "gthread", "uvicorn", "uvicorn-django"])
def limited(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A server that allows a key three calls at once."""
    limits = {"CONCURRENT_CALLS_PER_KEY": LIMIT, "GRACE_SECONDS": 0.2}
    with rig(request.param, tmp_path_factory.mktemp("host"), THREADLESS=limits) as made:
        yield made


@pytest.fixture
def client(limited: Rig) -> Iterator[Connection]:
    """A new connection; the upstream has forgotten the calls before."""
    limited.upstream.forget()
    with limited.connect() as connected:
        yield connected


def speak_once(exchange: Exchange) -> None:
    exchange.start()
    exchange.event(chunk({"content": "Hello"}))
    exchange.wait_closed(20)


def answer_after(event: threading.Event, seconds: float = 20) -> Script:
    """A usual answer, but not yet."""

    def answer(exchange: Exchange) -> None:
        event.wait(seconds)
        answer_normally(exchange)

    return answer


def test_kept_connection_carries_call_after_call(limited: Rig, client: Connection) -> None:
    for number in range(5):
        client.post(f"kept-{number}", KEPT, stream=True)
        assert client.read_head()[0] == 200
        assert b"data: [DONE]" in client.read_until(END)

    assert {limited.ledger.settled_row(f"kept-{number}")["state"] for number in range(5)} == {"completed"}


def test_client_that_leaves_in_its_second_call_is_noticed(limited: Rig, client: Connection) -> None:
    client.post("first", KEPT, stream=True).read_head()
    client.read_until(END)
    limited.upstream.script(speak_once)
    client.post("second", KEPT, stream=True).read_until(b"Hello")
    client.close()

    assert limited.upstream.exchanges[1].wait_closed(10)
    states = [limited.ledger.settled_row(name)["state"] for name in ("first", "second")]
    assert states == ["completed", "cancelled"]


def test_client_that_stays_between_two_calls_is_not_taken_for_gone(limited: Rig, client: Connection) -> None:
    client.post("plain-1", KEPT).read_head()
    client.read_until(b"}}")
    limited.upstream.script(answer_after(threading.Event(), 0.3))
    client.post("plain-2", KEPT)

    assert client.read_head()[0] == 200


def test_key_with_all_its_calls_open_is_refused_another(limited: Rig, client: Connection) -> None:
    go_on = threading.Event()
    limited.upstream.script(answer_after(go_on))
    with ExitStack() as stack:
        others = [stack.enter_context(limited.connect()) for _ in range(LIMIT)]
        for number, other in enumerate(others):
            other.post(f"open-{number}", stream=True)
        limited.upstream.wait_for(LIMIT)
        status, headers = client.post("too-many", stream=True).read_head()
        go_on.set()
        statuses = [other.read_head()[0] for other in others]
        for other in others:
            other.read_until(END)  # a stream ends when its place is free again: the next test wants one

    assert (status, headers["retry-after"], statuses) == (429, "1", [200] * LIMIT)
    assert "too-many" not in [row["client_request_id"] for row in limited.ledger.rows()]


def test_key_whose_clients_left_may_call_again(limited: Rig, client: Connection) -> None:
    limited.upstream.script(speak_once)
    for number in range(LIMIT):
        with limited.connect() as other:
            other.post(f"leaving-{number}", stream=True).read_until(b"Hello")
        limited.ledger.settled_row(f"leaving-{number}")
    limited.upstream.script(answer_normally)

    assert client.post("again").read_head()[0] == 200
