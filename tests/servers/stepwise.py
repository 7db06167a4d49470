"""A stream in which the upstream sends a chunk only after the client has read the one before."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.support.bodies import DONE, chunks_of
from tests.support.client import Connection
from tests.support.upstream import Exchange

WORDS = ("first", "second", "third", "fourth")


def stepper() -> tuple[Callable[[Exchange], None], Callable[[Connection], bytes]]:
    """The upstream's script, and the reading that lets it go on; the latter returns what it read."""
    has_read = threading.Semaphore(0)

    def speak(exchange: Exchange) -> None:
        exchange.start()
        for body in chunks_of(*WORDS):
            exchange.event(body)
            if (body["choices"] or [{}])[0].get("delta", {}).get("content"):
                assert has_read.acquire(timeout=15)
        exchange.chunk(DONE)
        exchange.end()

    def read(client: Connection) -> bytes:
        seen = b""
        for word in WORDS:
            seen += client.read_until(word.encode())
            has_read.release()
        return seen + client.read_until(DONE)

    return speak, read
