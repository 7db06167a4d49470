"""Any response, split anywhere, reads as it was written, and as the standard library reads it."""

from __future__ import annotations

import io
from http.client import HTTPResponse
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from threadless.backends.upstream.parser import ProtocolError, ResponseParser


class Written(NamedTuple):
    """A response and its content."""

    data: bytes
    content: bytes


VALUES = st.text(st.sampled_from("abcXYZ019,;=/ \"'"), max_size=12).map(str.strip)
HEADERS = st.builds("{}: {}".format, st.sampled_from(["A", "a", "X-Name", "Via"]), VALUES)
CONNECTIONS = st.sampled_from([[], ["Connection: close"], ["connection: Keep-Alive"], ["Connection: x"]])
BODIES = st.binary(max_size=60)


def _chunk(data: bytes, size_form: bytes, extension: bytes) -> bytes:
    return size_form % len(data) + extension + b"\r\n" + data + b"\r\n"


CHUNKS = st.builds(
    lambda data, *form: (data, _chunk(data, *form)),
    BODIES.filter(bool),
    st.sampled_from([b"%x", b"%X", b"%04x"]),
    st.sampled_from([b"", b";name=value", b";a;b"]),
)
CHUNKED_BODIES = st.builds(
    lambda chunks, trailers: (
        "Transfer-Encoding: chunked",
        b"".join(sent for _, sent in chunks) + b"0\r\n" + trailers + b"\r\n",
        b"".join(data for data, _ in chunks),
    ),
    st.lists(CHUNKS, max_size=6),
    st.sampled_from([b"", b"A: b\r\n", b"A: b\r\nC: d\r\n"]),
)
SIZED_BODIES = BODIES.map(lambda data: (f"Content-Length: {len(data)}", data, data))
UNFRAMED_BODIES = BODIES.map(lambda data: ("X-Framing: none", data, data))


def _write(interim: str, status: str, headers: tuple[list[str], list[str]], body: tuple[str, bytes, bytes]) -> Written:
    framing, sent, content = body
    lines = [*interim.splitlines(), status, *headers[0], *headers[1], framing, ""]
    return Written("".join(line + "\r\n" for line in lines).encode() + sent, content)


RESPONSES = st.builds(
    _write,
    st.sampled_from(["", "HTTP/1.1 100 Continue\n\n"]),
    st.sampled_from(["HTTP/1.1 200 OK", "HTTP/1.1 404 ", "HTTP/1.0 500 Broken"]),
    st.tuples(CONNECTIONS, st.lists(HEADERS, max_size=5)),
    st.one_of(CHUNKED_BODIES, SIZED_BODIES, UNFRAMED_BODIES),
)
CUTS = st.lists(st.integers(0, 500), max_size=12)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes in pieces."""
    places = [0, *sorted(min(place, len(data)) for place in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def read(segments: list[bytes]) -> tuple[ResponseParser, bytes]:
    """What has read the segments, and the content."""
    parser = ResponseParser(max_head_bytes=65536, max_interim=10)
    return parser, b"".join(parser.feed(segment) for segment in segments)


def result(segments: list[bytes]) -> Any:
    """What must be the same for all splits."""
    try:
        parser, content = read(segments)
    except ProtocolError:
        return None
    return parser.status, parser.headers, content, parser.is_complete, parser.has_surplus


@given(RESPONSES, CUTS)
def test_any_split_gives_the_content_that_was_written(response: Written, cuts: list[int]) -> None:
    parser, content = read(cut(response.data, cuts))
    parser.end()
    assert (content, parser.is_complete, parser.has_surplus) == (response.content, True, False)


@given(RESPONSES, CUTS, st.integers(0, 500), st.binary(max_size=3), st.integers(0, 3))
def test_any_split_of_a_damaged_response_is_read_alike(
    response: Written, cuts: list[int], index: int, other: bytes, dropped: int
) -> None:
    data = response.data[:index] + other + response.data[index + dropped :]
    assert result(cut(data, cuts)) == result([data]) == result([data[i : i + 1] for i in range(len(data))])


class _Received:
    """A socket from which everything has come."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


@given(RESPONSES)
def test_response_is_read_as_by_the_standard_library(response: Written) -> None:
    theirs = HTTPResponse(_Received(response.data), method="POST")  # type: ignore[arg-type]
    theirs.begin()
    parser, content = read([response.data])
    assert parser.status == theirs.status
    assert parser.headers == {name.lower(): theirs.getheader(name) for name in theirs.headers}
    assert content == theirs.read()
    assert not (parser.is_persistent and theirs.will_close)
