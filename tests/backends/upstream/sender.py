"""`Sender`: what posts to an upstream in these tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from threadless.backends.lifetime import Lifetime
from threadless.backends.upstream.connections import POOL_CLASSES, Connections
from threadless.backends.upstream.response import Transport

WAIT = 10.0


@dataclass
class Sender:
    """Posts to one port over connections of its own."""

    port: int
    most_idle: int = 10
    first_byte_seconds: float = WAIT
    between_chunks_seconds: float = WAIT
    pool: Any = None
    connections: Connections = field(init=False)
    transport: Transport = field(init=False)

    def __post_init__(self) -> None:
        pool = self.pool or POOL_CLASSES["http"]("127.0.0.1", self.port)
        self.connections = Connections(pool, connect_seconds=WAIT, most_idle=self.most_idle)
        self.transport = Transport(
            self.connections,
            "/v1/chat/completions",
            {"Host": "upstream"},
            first_byte_seconds=self.first_byte_seconds,
            between_chunks_seconds=self.between_chunks_seconds,
        )

    def ask(self, body: bytes = b"{}", request_id: str = "") -> tuple[int, bytes]:
        """Status and content of an answer that is read whole."""
        with self.transport.post(body, request_id) as response:
            return response.status, response.read()

    def keeps_connection_after(self, read: Callable[[Any], object] = lambda response: response.read()) -> bool:
        """Whether the connection is still open once an answer was read in this way."""
        lifetime = Lifetime(WAIT)
        with lifetime.active(), self.transport.post(b"{}", "") as response:
            read(response)
            sock = lifetime.sock
        return bool(sock.fileno() >= 0)
