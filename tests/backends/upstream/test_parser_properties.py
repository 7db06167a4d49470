"""Any response, cut anywhere, reads as it was written, and as the standard library reads it."""

from __future__ import annotations

import io
from http.client import HTTPResponse
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from threadless.backends.upstream.http1 import Body, Head, ProtocolError, body_of, split_head


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
    st.sampled_from([b"", b";name=value", b"; a; b"]),
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


def _write(
    interim: str, status: str, headers: tuple[list[str], list[str]], body: tuple[str, bytes, bytes], end: str
) -> Written:
    framing, sent, content = body
    lines = [*interim.splitlines(), status, *headers[0], *headers[1], framing, ""]
    return Written("".join(line + end for line in lines).encode() + sent, content)


RESPONSES = st.builds(
    _write,
    st.sampled_from(["", "HTTP/1.1 100 Continue\n\n"]),
    st.sampled_from(["HTTP/1.1 200 OK", "HTTP/1.1 404 ", "HTTP/1.0 500 Broken"]),
    st.tuples(CONNECTIONS, st.lists(HEADERS, max_size=5)),
    st.one_of(CHUNKED_BODIES, SIZED_BODIES, UNFRAMED_BODIES),
    st.sampled_from(["\r\n", "\n"]),
)
CUTS = st.lists(st.integers(0, 500), max_size=12)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes in pieces."""
    places = [0, *sorted(min(place, len(data)) for place in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def read(segments: list[bytes]) -> tuple[Head, Body, bytes] | None:
    """What the segments say as they come; None if they do not make a head."""
    received, pieces = b"", []
    body: Body | None = None
    for segment in segments:
        rest = segment
        if body is None:
            head, rest = split_head(received + segment)
            received = rest
            if head is None:
                continue
            body = body_of(head)
        pieces.append(body.feed(rest))
    return None if body is None or head is None else (head, body, b"".join(pieces))


def reading(segments: list[bytes]) -> Any:
    """What is to be the same for all cuts, a refusal included."""
    try:
        if (found := read(segments)) is None:
            return None
    except ProtocolError as error:
        return str(error)
    head, body, content = found
    return head, content, body.is_complete, body.has_excess


@given(RESPONSES, CUTS)
def test_any_cut_gives_the_content_that_was_written(response: Written, cuts: list[int]) -> None:
    found = read(cut(response.data, cuts))
    assert found is not None
    _, body, content = found
    body.end()
    assert (content, body.is_complete, body.has_excess) == (response.content, True, False)


@given(RESPONSES, CUTS, st.integers(0, 500), st.binary(max_size=3), st.integers(0, 3))
def test_any_cut_of_a_damaged_response_is_read_alike(
    response: Written, cuts: list[int], place: int, other: bytes, dropped: int
) -> None:
    data = response.data[:place] + other + response.data[place + dropped :]
    assert reading(cut(data, cuts)) == reading([data]) == reading([data[i : i + 1] for i in range(len(data))])


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
    found = read([response.data])
    assert found is not None
    head, body, content = found
    assert head.status == theirs.status
    assert head.headers == {name.lower(): theirs.getheader(name) for name in theirs.headers}
    assert content == theirs.read()
    assert body.ends_connection or not (head.is_persistent and theirs.will_close)
