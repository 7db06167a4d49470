"""`Sender`: what posts to an upstream in these tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from threadless.backends.upstream import Limits, Response, Timeouts, Upstream
from threadless.backends.upstream.limits import Timer
from threadless.server import timeouts

WAIT = 10.0
LIMITS = Limits(answer_bytes=64 * 1024 * 1024, event_bytes=16 * 1024 * 1024)


@dataclass
class Sender:
    """Posts to one port over its own connections."""

    port: int
    max_idle: int = 10
    rest_seconds: float = 0
    connect_seconds: float = WAIT
    first_byte_seconds: float = WAIT
    between_chunks_seconds: float = WAIT
    limits: Limits = LIMITS
    timer: Timer = timeouts
    upstream: Upstream = field(init=False)

    def __post_init__(self) -> None:
        self.upstream = Upstream(
            f"http://127.0.0.1:{self.port}/v1",
            headers={"Host": "upstream"},
            timeouts=Timeouts(self.connect_seconds, self.first_byte_seconds, self.between_chunks_seconds),
            limits=self.limits,
            max_idle=self.max_idle,
            rest_seconds=self.rest_seconds,
            timer=self.timer,
        )

    def post(self, body: bytes = b"{}", request_id: str = "") -> Response:
        """An answer, to be read within a `with` block."""
        return self.upstream.post(body, request_id)

    def ask(self, body: bytes = b"{}", request_id: str = "") -> tuple[int, bytes]:
        """Status and content of an answer that is read whole."""
        with self.post(body, request_id) as response:
            return response.status, response.read()

    def keeps_connection_after(self, read: Callable[[Any], object] = lambda response: response.read()) -> bool:
        """Whether the connection is still open once an answer was read in this way."""
        with self.post() as response:
            read(response)
        return self.upstream.idle_connections == 1
