"""Limits on the time and the size of an upstream's answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol


class Timeouts(NamedTuple):
    """Timeouts in seconds. The deadline of a call shortens each of them."""

    connect_seconds: float
    """TCP connect, proxy tunnel and TLS handshake together, without the name lookup."""
    first_byte_seconds: float
    between_chunks_seconds: float


class Timer(Protocol):
    """Calls functions after a delay, up to a second late, such as `threadless.server.timeouts`."""

    def call_later(self, callback: Callable[[], None], seconds: float) -> None: ...

    def cancel(self, callback: Callable[[], None]) -> None: ...


class Limits(NamedTuple):
    """Maximum sizes, in bytes unless noted."""

    answer_bytes: int
    """The content of a plain answer, after decompression."""
    event_bytes: int
    """One server-sent event."""
    head_bytes: int = 65536
    """Consecutive bytes without content: head, interim responses, trailers, and extensions of chunks."""
    interim_responses: int = 10
