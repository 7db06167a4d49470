"""How the bytes of an upstream are split on their way to us changes nothing."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import socket
import termios
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.upstream import Exchange, Script, ScriptedUpstream
from tests.wire.cases import CASES, CASES_BY_ID
from tests.wire.cases.calling import response_of
from tests.wire.cases.case import INSTRUCTIONS, KEY, PRIVATE_MODEL, Case
from tests.wire.cases.in_process import Result, stream
from threadless.backends.openai import OpenAIBackend
from threadless.types import Target

TARGET = Target(id="small", model=PRIVATE_MODEL, instructions=INSTRUCTIONS)
STREAMS = [
    case for case in CASES if case.stream is not None and case.kind not in ("host value", "request", "stream options")
]
SECONDS = 10


class Splitter:
    """A backend, and its upstream, which sends a response in pieces. Each is read before the next one is sent."""

    def __init__(self, upstream: ScriptedUpstream) -> None:
        self.upstream = upstream
        self.backend = OpenAIBackend(base_url=upstream.base_url, api_key=KEY)
        self.usual = functools.cache(self._usual)
        """What comes of the response of a case in one piece."""

    def _usual(self, case_id: str) -> Result:
        case = CASES_BY_ID[case_id]
        return self.read(case, whole(case), [])

    def read(self, case: Case, data: bytes, cuts: list[int]) -> Result:
        """What comes of the response if it is cut at these places."""
        self.upstream.script(send_pieces([data[start:end] for start, end in pairwise([0, *cuts, len(data)])]))
        return stream(case, self.backend, TARGET)


@pytest.fixture(scope="module")
def splitter() -> Iterator[Splitter]:
    with ScriptedUpstream() as upstream:
        yield Splitter(upstream)


def send_pieces(pieces: list[bytes]) -> Script:
    def script(exchange: Exchange) -> None:
        reader = fd_of_other_end(exchange.sock)
        for piece in pieces:
            exchange.send(piece)
            wait_until_read(reader)
        exchange.end()

    return script


def fd_of_other_end(sock: socket.socket) -> int:
    """The descriptor, in this process, of the socket to which this one is connected."""
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found = socket.socket(fileno=int(path.name))
            try:
                if found.getsockname() == sock.getpeername():
                    return int(path.name)
            finally:
                found.detach()  # it belongs to somebody else
    raise AssertionError("The peer is not in this process.")


def wait_until_read(reader: int) -> None:
    """Return when this socket has no unread bytes, or has been closed."""
    end = time.monotonic() + SECONDS
    with contextlib.suppress(OSError):
        while fcntl.ioctl(reader, termios.FIONREAD, bytes(4)) != bytes(4):
            assert time.monotonic() < end, "The reader does not read."
            time.sleep(0.0001)


def whole(case: Case) -> bytes:
    """The response with its body in one piece."""
    return response_of(case, case.stream or b"", is_stream=True)


def chunked(case: Case, sizes: list[int]) -> bytes:
    """The response with its body in chunks of these sizes, the last one of the rest."""
    head, _, body = whole(case).partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    chunks = b""
    for size in [*sizes, len(body)]:
        piece, body = body[:size], body[size:]
        chunks += b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
    return b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", chunks]) + b"0\r\n\r\n"


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.id)
@settings(max_examples=5)
@given(data=st.data())
def test_split_at_any_byte_changes_nothing(case: Case, splitter: Splitter, data: st.DataObject) -> None:
    sizes = data.draw(st.none() | st.lists(st.integers(1, 60), max_size=8))
    response = whole(case) if sizes is None else chunked(case, sizes)
    cuts = st.sets(st.integers(1, len(response) - 1), max_size=6).map(sorted)
    assert splitter.read(case, response, data.draw(cuts)) == splitter.usual(case.id)


@pytest.mark.parametrize("name", ["usual", "byte order mark"])
def test_each_byte_alone_changes_nothing(splitter: Splitter, name: str) -> None:
    case = next(case for case in STREAMS if case.name == name)
    assert splitter.read(case, whole(case), list(range(1, len(whole(case))))) == splitter.usual(case.id)
