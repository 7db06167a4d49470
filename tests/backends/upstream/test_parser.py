"""What an HTTP/1.1 response says is read the same however its bytes are cut, and never guessed."""

from __future__ import annotations

import pytest

from threadless.backends.upstream.http1 import MAX_HEAD_BYTES, Body, Head, ProtocolError, body_of, split_head

CHUNKED = "Transfer-Encoding: chunked"
END = b"0\r\n\r\n"


def head_of(*lines: str, end: str = "\r\n") -> Head:
    """What these lines of a head say."""
    head, rest = split_head("".join(line + end for line in (*lines, "")).encode("latin-1"))
    assert head is not None
    assert rest == b""
    return head


def body_after(*lines: str, status: int = 200) -> Body:
    """What reads the body that these header lines announce."""
    return body_of(head_of(f"HTTP/1.1 {status} Scripted", *lines))


def content(body: Body, data: bytes) -> bytes:
    """The content, with which the body is complete."""
    read = body.feed(data)
    body.end()
    return read


@pytest.mark.parametrize("line", ["HTTP/1.1 201 Created", "HTTP/1.1 201 ", "HTTP/1.1 201", "HTTP/1.0 201 Créé"])
def test_status_is_read_with_and_without_a_reason(line: str) -> None:
    assert head_of(line).status == 201


def test_header_names_are_in_lower_case_and_values_without_blanks() -> None:
    assert head_of("HTTP/1.1 200 OK", "X-Name: \t A value \t", "Empty:").headers == {"x-name": "A value", "empty": ""}


def test_headers_of_one_name_are_joined() -> None:
    assert head_of("HTTP/1.1 200 OK", "Via: a", "Other: x", "VIA: b").headers["via"] == "a, b"


def test_lines_may_end_without_carriage_return() -> None:
    assert head_of("HTTP/1.1 200 OK", "A: b", end="\n") == head_of("HTTP/1.1 200 OK", "A: b")


def test_head_that_is_not_whole_is_waited_for() -> None:
    assert split_head(b"HTTP/1.1 200 OK\r\nA: b\r\n") == (None, b"HTTP/1.1 200 OK\r\nA: b\r\n")


def test_bytes_after_the_head_are_given_back() -> None:
    assert split_head(b"HTTP/1.1 200 OK\r\n\r\n\r\nbody")[1] == b"\r\nbody"


@pytest.mark.parametrize("count", [1, 2000])
def test_interim_responses_are_skipped(count: int) -> None:
    head, rest = split_head(b"HTTP/1.1 103 \r\nLink: x\r\n\r\n" * count + b"HTTP/1.1 200 OK\r\n\r\nbody")
    assert head == Head(200, {}, is_persistent=True)
    assert rest == b"body"


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_head_that_is_too_long_is_refused(end: bytes) -> None:
    with pytest.raises(ProtocolError, match="too long"):
        split_head(b"HTTP/1.1 200 OK\r\nA: " + b"b" * MAX_HEAD_BYTES + end)


@pytest.mark.parametrize(
    "line", ["", "200 OK", "HTTP/2 200 OK", "HTTP/1.1 2000", "HTTP/1.1 600 Much", "HTTP/1.1  200 OK", "<html>"]
)
def test_what_is_no_status_line_is_refused(line: str) -> None:
    with pytest.raises(ProtocolError, match="status line"):
        head_of(line, "A: b")


@pytest.mark.parametrize("line", ["no colon", "Name : value", " continues: the last", "\tcontinues"])
def test_what_is_no_header_line_is_refused(line: str) -> None:
    with pytest.raises(ProtocolError, match="header line"):
        head_of("HTTP/1.1 200 OK", "A: b", line)


@pytest.mark.parametrize(
    ("version", "lines", "is_persistent"),
    [
        ("1.1", [], True),
        ("1.1", ["Connection: Close"], False),
        ("1.1", ["Connection: x", "Connection: close"], False),
        ("1.0", [], False),
        ("1.0", ["Connection: Keep-Alive"], True),
        ("1.0", ["Connection: keep-alive", "Connection: close"], False),
        ("1.1", [CHUNKED], True),
        ("1.1", [CHUNKED, "Content-Length: 5"], False),
        ("1.0", [CHUNKED, "Connection: keep-alive"], False),
    ],
)
def test_connection_persists_unless_its_head_or_framing_forbids(
    version: str, lines: list[str], is_persistent: bool
) -> None:
    assert head_of(f"HTTP/{version} 200 OK", *lines).is_persistent is is_persistent


def test_sized_body_is_complete_with_its_last_byte() -> None:
    body = body_after("Content-Length: 5")
    assert (body.feed(b"four"), body.is_complete) == (b"four", False)
    assert (body.feed(b"!"), body.is_complete, body.has_excess) == (b"!", True, False)


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("line", [CHUNKED, "Content-Length: 5", "A: b"])
def test_status_without_a_body_has_none_whatever_is_announced(status: int, line: str) -> None:
    body = body_after(line, status=status)
    assert (body.is_complete, body.feed(b"")) == (True, b"")


def test_body_without_framing_lasts_until_the_connection_ends() -> None:
    body = body_after()
    assert (body.feed(b"some"), body.is_complete) == (b"some", False)
    body.end()
    assert (body.is_complete, body.ends_connection) == (True, True)


@pytest.mark.parametrize("line", ["Content-Length: 5", CHUNKED])
def test_framed_body_leaves_the_connection_open(line: str) -> None:
    assert not body_after(line).ends_connection


@pytest.mark.parametrize("size", [b"c", b"C", b"00c", b"c \t", b"c;name=value", b"C ; name; other"])
def test_size_of_a_chunk_is_understood(size: bytes) -> None:
    assert content(body_after(CHUNKED), size + b"\r\n" + b"twelve bytes" + b"\r\n" + END) == b"twelve bytes"


def test_chunks_are_joined() -> None:
    assert content(body_after("Transfer-Encoding: Chunked"), b"1\r\na\r\n2\nbc\n3\r\n\r\n\n\r\n" + END) == b"abc\r\n\n"


def test_trailers_are_dropped() -> None:
    body = body_after(CHUNKED)
    assert content(body, b"1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n") == b"a"
    assert not body.has_excess


@pytest.mark.parametrize(
    ("lines", "data"), [(["Content-Length: 1"], b"a"), ([CHUNKED], b"1\r\na\r\n" + END), (["Content-Length: 0"], b"")]
)
def test_bytes_after_the_body_are_no_content_and_told(lines: list[str], data: bytes) -> None:
    body = body_after(*lines)
    assert body.feed(data + b"HTTP/1.1 200 OK") == data[3:4] or data
    assert (body.is_complete, body.has_excess) == (True, True)


@pytest.mark.parametrize("length", ["", "-1", "+5", "5, 5", "0x5", "5 5", "٥", "9" * 5000])
def test_length_that_is_no_number_is_refused(length: str) -> None:
    with pytest.raises(ProtocolError, match="length"):
        body_of(Head(200, {"content-length": length}, is_persistent=True))


@pytest.mark.parametrize("coding", ["gzip", "gzip, chunked", "chunked, chunked", "identity", ""])
def test_unknown_transfer_coding_is_refused(coding: str) -> None:
    with pytest.raises(ProtocolError, match="coding"):
        body_after(f"Transfer-Encoding: {coding}", "Content-Length: 5")


@pytest.mark.parametrize("line", [b"", b"g", b"-1", b"0x1", b" 1", b"1 2", b"1_0", b"f" * 16, b";name"])
def test_size_of_a_chunk_that_is_none_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError, match="size"):
        body_after(CHUNKED).feed(line + b"\r\n")


def test_chunk_longer_than_announced_is_refused() -> None:
    with pytest.raises(ProtocolError, match="longer"):
        body_after(CHUNKED).feed(b"1\r\nab\r\n")


@pytest.mark.parametrize("start", [b"1;", b"0\r\nTrailer: "])
@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_line_of_the_body_that_is_too_long_is_refused(start: bytes, end: bytes) -> None:
    with pytest.raises(ProtocolError, match="too long"):
        body_after(CHUNKED).feed(start + b"x" * 4096 + end)


@pytest.mark.parametrize(
    ("line", "data"),
    [
        ("Content-Length: 5", b"four"),
        (CHUNKED, b""),
        (CHUNKED, b"5\r\nfour"),
        (CHUNKED, b"4\r\nfour\r\n"),
        (CHUNKED, b"4\r\nfour\r\n0\r\n"),
        (CHUNKED, b"4\r\nfour\r\n0\r\nA: b\r\n"),
    ],
)
def test_body_that_ends_early_is_refused(line: str, data: bytes) -> None:
    with pytest.raises(ProtocolError, match="ended"):
        content(body_after(line), data)
