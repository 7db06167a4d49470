"""An upstream that sends more than it may ends its call, and takes no more memory than the limits allow."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.backends.upstream.sender import Sender
from tests.support.upstream import Exchange, ScriptedUpstream
from threadless.backends.upstream import Limits
from threadless.exceptions import UpstreamError

OK = b"HTTP/1.1 200 OK\r\n"
MIB = 1024 * 1024
LIMITS = Limits(answer_bytes=2 * MIB, event_bytes=2 * MIB)
PIECE = b"x" * 65536
SENT = 64 * MIB
"""Far more than the limits, and more than the buffers of the system."""


@pytest.fixture
def limited(upstream: ScriptedUpstream) -> Sender:
    return Sender(upstream.port, limits=LIMITS)


@pytest.fixture
def memory() -> Iterator[Callable[[], int]]:
    """The peak of the memory that Python has taken during the test, in bytes."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def flood(upstream: ScriptedUpstream, start: bytes, pieces: Iterable[bytes]) -> None:
    """Answer with `start`, then the pieces until the peer has gone or there were too many."""

    def speak(exchange: Exchange) -> None:
        exchange.send(start)
        for piece in pieces:
            exchange.send(piece)
            if exchange.sent > SENT:
                return

    upstream.script(speak)


def framed(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BOMB = gzip.compress(b"x" * SENT)


@pytest.mark.parametrize(
    ("start", "pieces"),
    [
        (OK + b"\r\n", itertools.repeat(PIECE)),
        (CHUNKED, itertools.repeat(framed(PIECE))),
        (OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB), [BOMB]),
    ],
    ids=["until close", "chunked", "compressed"],
)
def test_answer_beyond_its_limit_is_refused(
    limited: Sender,
    upstream: ScriptedUpstream,
    memory: Callable[[], int],
    start: bytes,
    pieces: Iterable[bytes],
) -> None:
    flood(upstream, start, pieces)
    with pytest.raises(UpstreamError, match="too large"):
        limited.ask()
    assert memory() < 3 * LIMITS.answer_bytes


def test_answer_that_announces_too_much_is_not_waited_for(limited: Sender, upstream: ScriptedUpstream) -> None:
    upstream.script(lambda exchange: exchange.send(OK + b"Content-Length: %d\r\n\r\n" % (LIMITS.answer_bytes + 1)))
    with pytest.raises(UpstreamError, match="too large"):
        limited.ask()


def test_answer_of_just_the_limit_is_read(limited: Sender, upstream: ScriptedUpstream) -> None:
    upstream.script(lambda exchange: exchange.answer(b"x" * LIMITS.answer_bytes))
    assert len(limited.ask()[1]) == LIMITS.answer_bytes


@pytest.mark.parametrize(
    "piece",
    [PIECE, b"data: x\n" * 8192, b"data\n" * 8192, b"data: " + PIECE + b"\n"],
    ids=["line", "x", "empty", "long"],
)
def test_event_beyond_its_limit_is_refused(
    limited: Sender, upstream: ScriptedUpstream, memory: Callable[[], int], piece: bytes
) -> None:
    flood(upstream, CHUNKED, itertools.repeat(framed(piece)))
    with pytest.raises(UpstreamError, match="too large"), limited.post() as response:
        list(response.events())
    assert memory() < 4 * LIMITS.event_bytes


def test_comments_are_not_a_part_of_an_event(limited: Sender, upstream: ScriptedUpstream) -> None:
    comments = b": comment\r\n" * 8192
    upstream.script(lambda exchange: exchange.stream(*[comments] * (1 + LIMITS.event_bytes // len(comments))))
    with limited.post() as response:
        assert [event.data for event in response.events()] == [b"[DONE]"]


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (OK, b"A: b\r\n" * 1024),
        (OK + b"A: ", PIECE),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (CHUNKED + b"0\r\n", b"A: b\r\n" * 1024),
        (CHUNKED + b"1;", PIECE),
    ],
    ids=["head", "field", "interim responses", "trailers", "extension of a chunk"],
)
def test_endless_framing_is_refused(
    limited: Sender, upstream: ScriptedUpstream, memory: Callable[[], int], start: bytes, piece: bytes
) -> None:
    flood(upstream, start, itertools.repeat(piece))
    with pytest.raises(UpstreamError, match="lost"):
        limited.ask()
    assert memory() < 2 * MIB


def test_request_is_freed_once_it_is_sent(
    sender: Sender, upstream: ScriptedUpstream, memory: Callable[[], int]
) -> None:
    upstream.script(lambda exchange: exchange.answer(b"{}"))
    with sender.post(b"x" * 8 * MIB) as response:
        assert tracemalloc.get_traced_memory()[0] < 8 * MIB + MIB  # the copy that the upstream received
        response.read()
