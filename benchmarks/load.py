"""A load generator in its own process, cheap enough not to be the limit: `python -m benchmarks.load < spec.json`.

It connects, prints "ready", starts when it reads a line, and prints one JSON object. Answers are stored as they arrive
and checked completely after the run.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import msgspec

from benchmarks import payloads
from benchmarks.loop import run
from benchmarks.verify import fault

_ON_TIME_SECONDS = 1.0
"""Maximum delay of the end of a paced stream."""


class Spec(msgspec.Struct):
    """One run. Calls use the kinds in turn. The connections are opened within `ramp` seconds."""

    port: int
    path: str
    kinds: list[str]
    connections: int
    calls: int
    key: str = ""
    headers: dict[str, str] = {}
    ramp: float = 0.0
    timeout: float = 120.0

    def request(self, kind: str) -> bytes:
        """The bytes of a whole request, without its id."""
        body = payloads.request_body(kind)
        lines = [f"POST {self.path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
        lines += ["Content-Type: application/json", f"Authorization: Bearer {self.key}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode() + body


@dataclass(slots=True)
class Exchange:
    """One call: times of its start, first event and end, and its answer."""

    kind: str
    start: float
    pieces: list[bytes] = field(default_factory=list)
    first: float = 0.0
    end: float = 0.0
    broken: str = ""


class Run:
    """State that the connections share."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.requests = {kind: spec.request(kind) for kind in set(spec.kinds)}
        self.exchanges: list[Exchange] = []
        self.done = asyncio.Event()
        self.tasks: list[asyncio.Future[None]] = []
        self.transports: set[Any] = set()
        self.ended = 0
        self._numbers = count()

    def next_exchange(self) -> Exchange | None:
        """The next call to make; None if all have been started."""
        number = next(self._numbers)
        if number >= self.spec.calls:
            return None
        exchange = Exchange(self.spec.kinds[number % len(self.spec.kinds)], time.monotonic())
        self.exchanges.append(exchange)
        return exchange

    def end(self, exchange: Exchange, broken: str = "") -> None:
        """Record the end of a call."""
        exchange.end = time.monotonic()
        exchange.broken = broken
        self.ended += 1
        if self.ended == self.spec.calls:
            self.done.set()


class Client(asyncio.Protocol):
    """One connection, kept alive as long as the server allows."""

    def __init__(self, shared: Run) -> None:
        self._run = shared
        self._transport: Any = None
        self._exchange: Exchange | None = None
        self._size = 0
        self._got = 0
        self._tail = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._run.transports.add(transport)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.transports.discard(self._transport)
        if self._run.done.is_set():
            return
        if self._exchange is not None:
            self._run.end(self._exchange, "cut off")
            self._exchange = None
        if not self._run.done.is_set():
            self._run.tasks.append(asyncio.ensure_future(connect(self._run)))

    def _ask(self) -> None:
        self._size = self._got = 0
        self._tail = b""
        self._exchange = exchange = self._run.next_exchange()
        if exchange is not None:
            self._transport.write(self._run.requests[exchange.kind])

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:
            return
        exchange.pieces.append(data)
        self._got += len(data)
        if not exchange.first and not self._begin(exchange):
            return
        if self._size:
            is_over = self._got >= self._size
        else:
            self._tail = (self._tail + data)[-5:]
            is_over = self._tail == b"0\r\n\r\n"
        if is_over:
            self._exchange = None
            self._run.end(exchange)
            self._ask()

    def _begin(self, exchange: Exchange) -> bool:
        """True once the first byte of the body has arrived."""
        received = b"".join(exchange.pieces)
        end = received.find(b"\r\n\r\n")
        if end < 0 or len(received) == end + 4:
            return False
        exchange.first = time.monotonic()
        head = received[:end].lower()
        if (place := head.find(b"content-length:")) >= 0:
            self._size = end + 4 + int(head[place + 15 :].partition(b"\r\n")[0])
        if exchange.kind == payloads.LEAVE:
            self._exchange = None
            self._run.end(exchange)
            self._transport.abort()
        return True


async def connect(shared: Run) -> None:
    """Open a connection. If that fails, its call fails."""
    if len(shared.exchanges) >= shared.spec.calls:
        return
    try:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: Client(shared), "127.0.0.1", shared.spec.port)
    except OSError as error:
        if exchange := shared.next_exchange():
            shared.end(exchange, f"no connection: {error.strerror}")


async def run_load(spec: Spec) -> dict[str, Any]:
    """Make all calls and return their results."""
    shared = Run(spec)
    start, cpu = time.monotonic(), time.process_time()
    shared.tasks.append(asyncio.ensure_future(_connect_all(shared)))
    try:
        async with asyncio.timeout(spec.timeout):
            await shared.done.wait()
    except TimeoutError:
        shared.done.set()
    wall, cpu = time.monotonic() - start, time.process_time() - cpu
    for transport in list(shared.transports):
        transport.abort()
    await asyncio.gather(*shared.tasks)
    return result(shared.exchanges, spec.calls) | {"wall_seconds": wall, "load_cpu_seconds": cpu}


async def _connect_all(shared: Run) -> None:
    pause = shared.spec.ramp / shared.spec.connections
    start = time.monotonic()
    for number in range(shared.spec.connections):
        await asyncio.sleep(max(0.0, start + number * pause - time.monotonic()) if pause else 0)
        await connect(shared)


def result(exchanges: list[Exchange], calls: int) -> dict[str, Any]:
    """Check every answer and return totals and percentiles."""
    faults = Counter(filter(None, map(_fault, exchanges)))
    faults["never begun"] += calls - len(exchanges)
    ended = [exchange for exchange in exchanges if exchange.end and not exchange.broken]
    paced = [exchange for exchange in ended if exchange.kind == payloads.PACED]
    lateness = [exchange.end - exchange.start - payloads.STREAM_SECONDS for exchange in paced]
    return {
        "calls": calls,
        "errors": {name: number for name, number in faults.items() if number},
        "latency_ms": _percentiles([exchange.end - exchange.start for exchange in ended]),
        "first_ms": _percentiles([exchange.first - exchange.start for exchange in exchanges if exchange.first]),
        "on_time": sum(late <= _ON_TIME_SECONDS for late in lateness) if paced else None,
        "chunks": sum(
            piece.count(b"word")  # occurs once in each chunk
            for exchange in exchanges
            if exchange.kind in payloads.STREAMS
            for piece in exchange.pieces
        ),
    }


def _fault(exchange: Exchange) -> str:
    if exchange.broken or exchange.kind == payloads.LEAVE:
        return exchange.broken
    return fault(exchange.kind, b"".join(exchange.pieces)) if exchange.end else "timed out"


def _percentiles(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    ordered = sorted(seconds)
    return {
        f"p{part}": round(1000 * ordered[min(len(ordered) * part // 100, len(ordered) - 1)], 2) for part in (50, 99)
    }


def main() -> None:
    spec = msgspec.json.decode(sys.stdin.readline(), type=Spec)
    gc.disable()
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(run(run_load(spec))), flush=True)


if __name__ == "__main__":
    main()
