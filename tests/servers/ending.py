"""A server that is stopped while a stream runs, and what the client sees of the stream's end."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.servers.rig import Rig
from tests.support.bodies import DONE, chunk
from tests.support.upstream import Exchange

LAST_CHUNK = b"\r\n0\r\n\r\n"
SECONDS = 25
"""How long an end is waited for."""

Stop = Callable[[Rig], object]


def speak_for_ever(exchange: Exchange) -> None:
    """A word every tenth of a second."""
    exchange.start()
    while not exchange.wait_closed(0.1):
        exchange.event(chunk({"content": "word "}))


def sigterm(made: Rig) -> None:
    """What process managers send to the first process of the server."""
    made.server.process.send_signal(signal.SIGTERM)


def sigterm_to_all(made: Rig) -> None:
    """What systemd sends by default: to all processes of the server."""
    os.killpg(made.server.process.pid, signal.SIGTERM)


def ctrl_c(made: Rig) -> None:
    """What a terminal sends: to all processes of the server."""
    os.killpg(made.server.process.pid, signal.SIGINT)


@dataclass(kw_only=True)
class Ending:
    """The end of one stream."""

    rest: bytes
    """What came after the signal."""
    seconds: float
    """From the signal to the end of the connection."""
    is_over: bool
    """False if the stream went on for as long as it was waited for."""
    is_chunked: bool
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def has_error(self) -> bool:
        """The stream ended with the error event of a server that stops."""
        return b"upstream_unavailable" in self.rest.rpartition(b'data: {"error"')[2]

    @property
    def looks_complete(self) -> bool:
        """Without an error, the stream ended as a whole one does."""
        has_end = DONE in self.rest or (self.is_chunked and self.rest.endswith(LAST_CHUNK))
        return self.is_over and has_end and not self.has_error

    @property
    def state(self) -> str:
        """The state of the only row."""
        [row] = self.rows
        return str(row["state"])


def end_of_stream(made: Rig, stop: Stop, seconds: float = SECONDS) -> Ending:
    """Start an endless stream, stop the server, and read what still comes."""
    made.upstream.script(speak_for_ever)
    with made.connect() as client:
        client.post("endless", stream=True)
        _, headers = client.read_head()
        client.read_until(b"word")
        stop(made)
        start = time.monotonic()
        rest, is_over = client.read_to(start + seconds)
        ending = Ending(
            rest=rest,
            seconds=time.monotonic() - start,
            is_over=is_over,
            is_chunked=headers.get("transfer-encoding", "") == "chunked",
        )
    with contextlib.suppress(AssertionError):  # the row stays open
        made.ledger.settled_row("endless")
    ending.rows = made.ledger.rows_of("endless")
    return ending
