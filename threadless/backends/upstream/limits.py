"""How long an upstream may take, and how much it may send."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol


class Timeouts(NamedTuple):
    """In seconds. A call's deadline shortens each of them."""

    connect_seconds: float
    """TCP connect, proxy tunnel and TLS handshake together, without the name lookup."""
    first_byte_seconds: float
    between_chunks_seconds: float


class Timer(Protocol):
    """Calls back up to a second late. The module `threadless.server.timeouts` is one."""

    def call_later(self, callback: Callable[[], None], seconds: float) -> None: ...

    def cancel(self, callback: Callable[[], None]) -> None: ...


class Limits(NamedTuple):
    """What an upstream may send."""

    answer_bytes: int
    """Content of an answer that is read whole, after decompression."""
    event_bytes: int
    """One server-sent event."""
    head_bytes: int = 65536
    """Consecutive bytes without content: the head with its interim responses, trailers, and extensions of chunks."""
    interim_responses: int = 10
