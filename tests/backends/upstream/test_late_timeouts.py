"""Timeouts of an hour end a call; those that fire late do not, if data has arrived. A flood does not stop others."""

from __future__ import annotations

import threading

import pytest

from tests.backends.upstream.green import run
from tests.backends.upstream.sender import Sender
from tests.support.upstream import Exchange, ScriptedUpstream
from threadless.exceptions import UpstreamError, UpstreamTimeout
from threadless.server.timeouts import Timeouts

HOUR = 3600.0
OK = b"HTTP/1.1 200 OK\r\n"


def catch(sender: Sender) -> type[Exception] | None:
    """What asking raises."""
    try:
        sender.ask()
    except UpstreamError as error:
        return type(error)
    return None


def test_long_silence_within_an_answer_is_a_timeout(upstream: ScriptedUpstream, told: threading.Event) -> None:
    def speak(exchange: Exchange) -> None:
        exchange.start()
        exchange.chunk(b"first")
        told.wait()

    upstream.script(speak)
    now, failures = [0.0], []
    timer = Timeouts(clock=lambda: now[0])
    sender = Sender(upstream.port, between_chunks_seconds=HOUR, timer=timer)
    reader = threading.Thread(target=lambda: failures.append(catch(sender)))
    reader.start()
    while reader.is_alive():
        now[0] += HOUR
        timer.run_due()
        reader.join(0.01)
    assert failures == [UpstreamTimeout]


READ = """
def read(**timeouts):
    with Sender(port, **timeouts).post() as response:
        return response.read()
"""
EXACT = """
reader = gevent.spawn(read, between_chunks_seconds=0.2)
gevent.sleep(0.1)
speak()
block(0.2)
print(reader.get())
"""
COARSE = """
now = 0
timer = Timeouts(clock=lambda: now)
reader = gevent.spawn(read, between_chunks_seconds=3600, timer=timer)
gevent.sleep(0.1)
speak()
now = 3601
timer.run_due()
print(reader.get())
"""


@pytest.mark.parametrize("script", [EXACT, COARSE], ids=["exact", "coarse"])
def test_late_timeout_does_not_end_a_call_whose_data_has_arrived(script: str) -> None:
    assert run(READ + script, first=OK + b"Content-Length: 9\r\n\r\nfirst", second=b"last") == "b'firstlast'"


SILENCE = """
now = 0
timer = Timeouts(clock=lambda: now)
reader = gevent.spawn(read, between_chunks_seconds=3600, timer=timer)
gevent.sleep(0.1)
now = 3601
timer.run_due()
try:
    reader.get()
except UpstreamError as error:
    print(type(error).__name__)
"""


def test_long_silence_is_a_timeout_under_gevent_too() -> None:
    assert run(READ + SILENCE, first=OK + b"\r\nfirst", second=b"") == "UpstreamTimeout"


FLOOD = """
import contextlib
turns = 0
def take_turns():
    global turns
    while True:
        turns += 1
        gevent.sleep(0.0001)
gevent.spawn(take_turns)
with contextlib.suppress(UpstreamError), Sender(port).post() as response:
    tell()
    tell()
    list(response.events())
print(turns >= 30)
"""
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "piece",
    [b"8\r\n: \n: \n\n\n\r\n", b"1\r\n:\r\n1\r\n\n\r\n", b'16\r\ndata: {"choices":[]}\n\n\r\n'],
    ids=["comments", "chunks of one byte", "empty events"],
)
def test_flooding_upstream_does_not_keep_other_greenlets_from_running(piece: bytes) -> None:
    pieces = piece * (65536 // len(piece))
    assert run(FLOOD, first=CHUNKED, second=pieces, count=60) == "True"
