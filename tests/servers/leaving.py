"""A client that leaves in each phase of a call, and when its upstream notices."""

from __future__ import annotations

import time
from typing import Final

from tests.servers.rig import Rig
from tests.support.bodies import chunk
from tests.support.client import Connection
from tests.support.upstream import Exchange

HURRIED: Final = {"GRACE_SECONDS": 0.3, "PING_SECONDS": 60, "STALL_SECONDS": 1.0}
PROMISED_WITHIN: Final = 1
"""Seconds, kept in at least one of `TRIES`: a machine may be busy now and then, but not each time."""
TRIES: Final = 3
WORDS: Final = "five words were produced here"


def keep_silent(exchange: Exchange) -> None:
    """Never answer."""
    exchange.wait_closed(20)


def speak_on(exchange: Exchange) -> None:
    """Never stop answering."""
    exchange.start()
    while not exchange.wait_closed(0.05):
        exchange.event(chunk({"role": "assistant", "content": WORDS}))


def speak_then_keep_silent(exchange: Exchange) -> None:
    """Begin to answer."""
    exchange.start()
    exchange.event(chunk({"role": "assistant", "content": WORDS}))
    exchange.wait_closed(20)


def nothing(client: Connection) -> None:
    """Leave right away."""


def see_a_chunk(client: Connection) -> None:
    """Leave after the first words."""
    client.read_until(WORDS.encode())


def see_a_ping(client: Connection) -> None:
    """Leave before the first words, when the headers have come with the first ping."""
    client.read_until(b": ping\n")


PHASES: Final = {
    "plain": (keep_silent, False, nothing),
    "before-first-byte": (keep_silent, True, nothing),
    "before-first-chunk": (keep_silent, True, see_a_ping),
    "mid-stream": (speak_on, True, see_a_chunk),
    "silence": (speak_then_keep_silent, True, see_a_chunk),
}


def leave_in(phase: str, running: Rig, call_id: str) -> Exchange:
    """A client that has left in this phase, as its upstream sees it."""
    script, is_stream, wait = PHASES[phase]
    running.upstream.script(script)
    with running.connect() as client:
        client.post(call_id, stream=is_stream)
        exchange = running.upstream.wait_for(1)[0]
        wait(client)
    return exchange


def seconds_to_notice(phase: str, running: Rig, call_id: str, most: float = PROMISED_WITHIN) -> float | None:
    """The shortest time of `TRIES` after which the upstream was closed; None if that is more than `most` seconds."""
    found: list[float] = []
    for number in range(TRIES):
        running.upstream.forget()
        exchange = leave_in(phase, running, f"{call_id}-{number}")
        start = time.monotonic()
        if exchange.wait_closed(most):
            found.append(time.monotonic() - start)
            if found[-1] < PROMISED_WITHIN:
                break
    return min(found, default=None)
