"""An HTTP/1.1 response is read the same however its bytes are split, and its framing is never guessed."""

from __future__ import annotations

import gc
import weakref

import pytest

from threadless.backends.upstream.parser import ProtocolError, ResponseParser

CHUNKED = "Transfer-Encoding: chunked"
END = b"0\r\n\r\n"
MAX_HEAD_BYTES = 65536
MAX_INTERIM = 10


def make_parser() -> ResponseParser:
    return ResponseParser(max_head_bytes=MAX_HEAD_BYTES, max_interim=MAX_INTERIM)


def read_head(*lines: str, end: str = "\r\n") -> ResponseParser:
    """What has read the lines of a head."""
    parser = make_parser()
    assert parser.feed("".join(line + end for line in (*lines, "")).encode("latin-1")) == b""
    assert parser.status
    return parser


def before_body(*lines: str, status: int = 200) -> ResponseParser:
    """What has read a head with these header lines."""
    return read_head(f"HTTP/1.1 {status} Scripted", *lines)


def read_body(parser: ResponseParser, data: bytes) -> bytes:
    """The content, with which the body is complete."""
    content = parser.feed(data)
    parser.end()
    return content


def feed_fields(parser: ResponseParser, count: int) -> None:
    """So many header or trailer fields, one by one."""
    for number in range(count):
        parser.feed(b"X-%d: a\r\n" % number)


@pytest.mark.parametrize("line", ["HTTP/1.1 201 Created", "HTTP/1.1 201 ", "HTTP/1.1 201", "HTTP/1.0 201 Créé"])
def test_status_is_read_with_and_without_a_reason(line: str) -> None:
    assert read_head(line).status == 201


def test_header_names_are_in_lower_case_and_values_without_blanks() -> None:
    headers = read_head("HTTP/1.1 200 OK", "X-Name: \t A value \t", "Empty:").headers
    assert headers == {"x-name": "A value", "empty": ""}


def test_headers_of_one_name_are_joined() -> None:
    assert read_head("HTTP/1.1 200 OK", "Via: a", "Other: x", "VIA: b").headers["via"] == "a, b"


def test_incomplete_head_has_no_status() -> None:
    parser = make_parser()
    assert parser.feed(b"HTTP/1.1 200 OK\r\nA: b\r\n") == b""
    assert parser.status == 0


def test_bytes_after_the_head_are_content() -> None:
    assert make_parser().feed(b"HTTP/1.1 200 OK\r\n\r\n\r\nbody") == b"\r\nbody"


def interim_responses(count: int) -> bytes:
    return b"HTTP/1.1 103 \r\nLink: x\r\n\r\n" * count


@pytest.mark.parametrize("count", [1, MAX_INTERIM])
def test_interim_responses_are_skipped(count: int) -> None:
    parser = make_parser()
    assert parser.feed(interim_responses(count) + b"HTTP/1.1 200 OK\r\n\r\nbody") == b"body"
    assert (parser.status, parser.headers) == (200, {})


def test_too_many_interim_responses_are_refused() -> None:
    with pytest.raises(ProtocolError, match="Too many"):
        make_parser().feed(interim_responses(MAX_INTERIM + 1))


@pytest.mark.parametrize("lines", [["Upgrade: x", "Connection: upgrade"], []])
def test_switch_of_protocols_is_refused(lines: list[str]) -> None:
    with pytest.raises(ProtocolError, match="status"):
        read_head("HTTP/1.1 101 Switching", *lines)


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_head_that_is_too_long_is_refused(end: bytes) -> None:
    with pytest.raises(ProtocolError, match="too long"):
        make_parser().feed(b"HTTP/1.1 200 OK\r\nA: " + b"b" * MAX_HEAD_BYTES + end)


def test_head_of_many_segments_is_limited() -> None:
    parser = make_parser()
    parser.feed(b"HTTP/1.1 200 OK\r\n")
    with pytest.raises(ProtocolError, match="too long"):
        feed_fields(parser, MAX_HEAD_BYTES)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "200 OK",
        "HTTP/2.0 200 OK",
        "HTTP/0.9 200 OK",
        "HTTP/1.1 2000",
        "HTTP/1.1 600 X",
        "HTTP/1.1 099 X",
        "HTTP/1.1  200 OK",
    ],
)
def test_invalid_status_line_is_refused(line: str) -> None:
    with pytest.raises(ProtocolError):
        read_head(line, "A: b")


@pytest.mark.parametrize("line", ["no colon", "Name : value", " continues: the last", "\tcontinues", "A: b\0", "\0: b"])
def test_invalid_header_line_is_refused(line: str) -> None:
    with pytest.raises(ProtocolError):
        read_head("HTTP/1.1 200 OK", "A: b", line)


def test_lines_must_end_with_a_carriage_return() -> None:
    with pytest.raises(ProtocolError, match="CR"):
        read_head("HTTP/1.1 200 OK", "A: b", end="\n")


@pytest.mark.parametrize(
    ("version", "lines", "is_persistent"),
    [
        ("1.1", ["Content-Length: 5"], True),
        ("1.1", ["Content-Length: 5", "Connection: Close"], False),
        ("1.1", ["Content-Length: 5", "Connection: x", "Connection: close"], False),
        ("1.0", ["Content-Length: 5"], False),
        ("1.0", ["Content-Length: 5", "Connection: Keep-Alive"], True),
        ("1.0", ["Content-Length: 5", "Connection: keep-alive", "Connection: close"], False),
        ("1.1", [CHUNKED], True),
        ("1.0", [CHUNKED, "Connection: keep-alive"], False),
        ("1.1", [], False),
    ],
)
def test_connection_persists_unless_its_head_or_framing_forbids(
    version: str, lines: list[str], is_persistent: bool
) -> None:
    assert read_head(f"HTTP/{version} 200 OK", *lines).is_persistent is is_persistent


def test_sized_body_is_complete_with_its_last_byte() -> None:
    parser = before_body("Content-Length: 5")
    assert (parser.feed(b"four"), parser.is_complete) == (b"four", False)
    assert (parser.feed(b"!"), parser.is_complete, parser.has_surplus) == (b"!", True, False)


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("line", [CHUNKED, "Content-Length: 5", "A: b"])
def test_status_without_a_body_has_none_even_if_one_is_announced(status: int, line: str) -> None:
    parser = before_body(line, status=status)
    assert (parser.is_complete, parser.ends_with_connection) == (True, False)


def test_body_without_framing_lasts_until_the_connection_ends() -> None:
    parser = before_body()
    assert (parser.feed(b"some"), parser.is_complete) == (b"some", False)
    parser.end()
    assert (parser.is_complete, parser.ends_with_connection) == (True, True)


@pytest.mark.parametrize("line", ["Content-Length: 5", CHUNKED])
def test_framed_body_does_not_end_with_the_connection(line: str) -> None:
    assert not before_body(line).ends_with_connection


@pytest.mark.parametrize("size", [b"c", b"C", b"00c", b"c;name=value", b"C;name;other"])
def test_size_of_a_chunk_is_understood(size: bytes) -> None:
    assert read_body(before_body(CHUNKED), size + b"\r\n" + b"twelve bytes" + b"\r\n" + END) == b"twelve bytes"


def test_chunks_are_joined() -> None:
    data = b"1\r\na\r\n2\r\nbc\r\n3\r\n\r\n\n\r\n" + END
    assert read_body(before_body("Transfer-Encoding: Chunked"), data) == b"abc\r\n\n"


def test_trailers_are_dropped() -> None:
    parser = before_body(CHUNKED)
    assert read_body(parser, b"1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n") == b"a"
    assert (parser.has_surplus, parser.headers) == (False, {"transfer-encoding": "chunked"})


@pytest.mark.parametrize(
    ("lines", "data", "content"),
    [(["Content-Length: 1"], b"a", b"a"), ([CHUNKED], b"1\r\na\r\n" + END, b"a"), (["Content-Length: 0"], b"", b"")],
)
@pytest.mark.parametrize("surplus", [b"surplus", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"])
@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_bytes_after_the_body_are_reported_and_not_content(
    lines: list[str], data: bytes, content: bytes, surplus: bytes, connection: str
) -> None:
    parser = before_body(*lines, f"Connection: {connection}")
    assert parser.feed(data + surplus) == content
    assert (parser.is_complete, parser.has_surplus, parser.status) == (True, True, 200)


def test_bytes_that_follow_later_are_reported_and_not_content() -> None:
    parser = before_body("Content-Length: 1")
    parser.feed(b"a")
    assert (parser.feed(b"surplus"), parser.has_surplus) == (b"", True)


@pytest.mark.parametrize("length", ["", "-1", "+5", "5, 5", "0x5", "5 5", "Ù¥", "9" * 5000])
def test_length_that_is_not_a_number_is_refused(length: str) -> None:
    with pytest.raises(ProtocolError, match="Content-Length"):
        before_body(f"Content-Length: {length}")


@pytest.mark.parametrize("line", ["Content-Length: 5", CHUNKED])
def test_second_framing_is_refused(line: str) -> None:
    with pytest.raises(ProtocolError, match="Content-Length"):
        before_body(line, "Content-Length: 5")


@pytest.mark.parametrize("coding", ["gzip", "gzip, chunked", "chunked, chunked", "identity", ""])
def test_unknown_transfer_coding_is_refused(coding: str) -> None:
    with pytest.raises(ProtocolError):
        before_body(f"Transfer-Encoding: {coding}")


@pytest.mark.parametrize("line", [b"", b"g", b"-1", b"0x1", b" 1", b"1 2", b"1_0", b"f" * 17, b";name"])
def test_invalid_size_of_a_chunk_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"(?i)chunk size"):
        before_body(CHUNKED).feed(line + b"\r\n")


def test_chunk_longer_than_announced_is_refused() -> None:
    with pytest.raises(ProtocolError, match="chunk data"):
        before_body(CHUNKED).feed(b"1\r\nab\r\n")


@pytest.mark.parametrize("start", [b"1;", b"0\r\nTrailer: "])
@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_line_of_the_body_that_is_too_long_is_refused(start: bytes, end: bytes) -> None:
    with pytest.raises(ProtocolError, match="too long"):
        before_body(CHUNKED).feed(start + b"x" * MAX_HEAD_BYTES + end)


def test_trailers_of_many_segments_are_limited() -> None:
    parser = before_body(CHUNKED)
    parser.feed(b"0\r\n")
    with pytest.raises(ProtocolError, match="too long"):
        feed_fields(parser, MAX_HEAD_BYTES)


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
        read_body(before_body(line), data)


def test_parser_is_freed_without_the_garbage_collector() -> None:
    gc.disable()
    try:
        parser = before_body("Content-Length: 1")
        parser.close()
        reference = weakref.ref(parser)
        del parser
        assert reference() is None
    finally:
        gc.enable()
