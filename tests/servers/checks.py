"""What every server is asked: tests call these functions, and `python -m tests.servers` for the table of the page.

Each makes the assertions itself. Several can use one server, one after the other.
"""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import ExitStack
from typing import Any, Final

from tests.servers.rig import Rig
from tests.servers.stepwise import stepper
from tests.support.bodies import chunk, chunks_of, usage_chunk
from tests.support.client import Connection
from tests.support.upstream import Exchange, answer_normally

PING: Final = b": ping\n"
OVERLOADED: Final = {"error": {"message": "too busy", "type": "server_error", "code": "overloaded"}}
STREAMS: Final = 200
WAIT: Final = 15


def chunks_arrive_one_by_one(made: Rig) -> None:
    """The upstream sends a chunk only after the client has read the one before."""
    script, read = stepper()
    made.upstream.script(script)
    with made.connect() as client:
        assert client.post(_name("steps"), stream=True).read_head()[0] == 200
        assert b"fourth" in read(client)


def pings_bridge_a_silence(made: Rig) -> None:
    """The upstream goes on only after the client has read a ping."""
    heard = threading.Event()

    def pause(exchange: Exchange) -> None:
        exchange.start()
        exchange.event(chunks_of("early")[1])
        heard.wait(10)
        exchange.event(chunks_of()[-2])
        exchange.end()

    made.upstream.script(pause)
    with made.connect() as client:
        client.post(_name("pause"), stream=True).read_until(b"early")
        client.read_until(PING)
        heard.set()
        assert b'"finish_reason":"stop"' in client.read_until(b"[DONE]")


def early_failure_keeps_its_status(made: Rig, status: int = 503, expected: int = 503) -> None:
    """The upstream fails before the first chunk, within the grace time."""
    made.upstream.script(lambda exchange: exchange.answer(OVERLOADED, status))
    name = _name("early")
    with made.connect() as client:
        code, headers = client.post(name, stream=True).read_head()
    assert (code, headers["content-type"]) == (expected, "application/json")
    assert made.ledger.settled_row(name)["http_status"] == expected


def answer_at_length(exchange: Exchange) -> None:
    """More than a client that reads nothing can be sent, to those who ask as `greedy`."""
    if exchange.body.get("user") != "greedy":
        answer_normally(exchange)
        return
    exchange.start()
    while not exchange.closed.is_set():
        exchange.event(chunk({"content": "x" * 60_000}))


def client_that_stops_reading_is_dropped(made: Rig) -> bool:
    """Its call ends, and the row is `cancelled`. False if its connection stays open."""
    made.upstream.script(answer_at_length)
    made.upstream.exchanges.clear()
    name = _name("greedy")
    with made.connect(receive_buffer=4096) as client:
        client.post(name, stream=True, user="greedy").read_head()
        assert made.upstream.wait_for(1)[0].wait_closed(WAIT), "the upstream is still read"
        assert made.ledger.settled_row(name)["state"] == "cancelled"
        return is_dropped(client)


def is_dropped(client: Connection) -> bool:
    """Wait until the server has closed its side; False if it keeps the connection."""
    end = time.monotonic() + WAIT
    while client.is_held_by_server():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def streams_at_once(made: Rig, wanted: int = STREAMS, patience: float = 60) -> int:
    """How many of so many streams reach the upstream before the first of them ends; all come to their end."""
    everybody = threading.Event()

    def speak(exchange: Exchange) -> None:
        everybody.wait(patience * 2)
        exchange.stream(chunk({"content": "word"}), chunk(finish_reason="stop"), usage_chunk())

    made.upstream.script(speak)
    made.upstream.exchanges.clear()
    with ExitStack() as stack:
        clients = [stack.enter_context(made.connect(timeout=120)) for _ in range(wanted)]
        for number, client in enumerate(clients):
            client.post(f"crowd-{number}", stream=True)
        count = _settled_count(made.upstream.exchanges, wanted, patience)
        everybody.set()
        for client in clients:
            client.read_until(b"[DONE]")
            client.close()  # a gunicorn sync worker waits for it before it takes the next one
    return count


def _settled_count(exchanges: list[Any], wanted: int, patience: float) -> int:
    """The number of requests at the upstream, once none has come for a while."""
    count, changed_at, start = 0, time.monotonic(), time.monotonic()
    while len(exchanges) < wanted and time.monotonic() < min(changed_at + 8, start + patience):
        if len(exchanges) != count:
            count, changed_at = len(exchanges), time.monotonic()
        time.sleep(0.05)
    return len(exchanges)


def _name(start: str) -> str:
    return f"{start}-{uuid.uuid4().hex}"
