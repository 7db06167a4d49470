"""A client that reads slowly slows the upstream; the server holds back next to nothing."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.bodies import chunk, event
from tests.support.client import Client, body_of
from tests.support.serving import Server
from tests.support.upstream import Exchange, ScriptedUpstream

MEGABYTE = 1 << 20
STREAM_MEGABYTES = 50


def resident_megabytes(server: Server) -> int:
    """Memory of the server's processes, as the system sees it."""
    pids = server.worker_ids() or [server.process.pid]
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * 4096 // MEGABYTE


def long_stream(exchange: Exchange) -> None:
    piece = event(chunk({"content": "x" * (64 * 1024)}))
    exchange.start()
    for _ in range(STREAM_MEGABYTES * 16):
        exchange.chunk(piece)
    exchange.chunk(event(chunk(finish_reason="stop")) + b"data: [DONE]\n\n")
    exchange.end()


def test_slow_reader_puts_back_pressure_on_the_upstream(
    any_server: Server, any_client: Client, upstream: ScriptedUpstream
) -> None:
    any_client.post()
    upstream.script(long_stream)
    before = resident_megabytes(any_server)
    data = json.dumps(body_of(stream=True)).encode()
    head = any_client.head("Content-Type: application/json", f"Content-Length: {len(data)}")
    with any_client.connect(timeout=60) as connection:
        connection.send(head + data)
        received = len(connection.receive())
        exchange = upstream.exchanges[-1]
        assert not exchange.finished.wait(1.5)  # nobody reads: the upstream must be held up
        assert exchange.sent < STREAM_MEGABYTES * MEGABYTE // 2
        highest, tail = 0, b""
        while not tail.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"):
            piece = connection.receive(MEGABYTE)
            assert piece, "the stream was cut"
            received, tail = received + len(piece), (tail + piece)[-100:]
            if received % 7 == 0:
                highest = max(highest, resident_megabytes(any_server))
    assert received > STREAM_MEGABYTES * MEGABYTE
    assert max(highest, resident_megabytes(any_server)) - before < 25
