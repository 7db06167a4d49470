"""Reads HTTP/1.1 responses from bytes, however they are cut: no I/O here.

`http.client` and urllib3 take 160 µs to send a request and to read its answer, a quarter of a whole call, most of it to
put a dozen headers through the e-mail parser; this takes a tenth of it. Follows RFC 9112, and is strict where the
framing is at stake: a body is never guessed.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Final, NamedTuple

MAX_HEAD_BYTES: Final = 65536
_MAX_LINE_BYTES: Final = 4096
"""Of a chunk's size with its extensions, and of a trailer field."""
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE: Final = re.compile(r"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: .*)?")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")


class ProtocolError(Exception):
    """What came is no HTTP/1.1 response, or it broke off."""


class Head(NamedTuple):
    """A status and its headers, their names in lower case; those of one name are joined by commas."""

    status: int
    headers: dict[str, str]
    is_persistent: bool
    """True if the connection may be used again once the body is complete."""


class Body(ABC):
    """Takes what follows a head and gives the content. One instance serves one response."""

    is_complete = False
    has_excess = False
    """More came than was announced: it is nobody's, and the connection cannot be trusted with another request."""

    ends_connection = False
    """Nothing else than the connection's end tells that of the content."""

    @abstractmethod
    def feed(self, data: bytes) -> bytes:
        """The content in these bytes; raises `ProtocolError`."""

    def end(self) -> None:
        """The connection has ended; raises `ProtocolError` if the content has not."""
        if not self.is_complete:
            raise ProtocolError("The connection ended within the body.")


def split_head(received: bytes) -> tuple[Head | None, bytes]:
    """The head and the bytes after it; None and the same bytes while it is not whole. Interim responses are skipped."""
    while True:
        found = _HEAD_END.search(received)
        if (len(received) if found is None else found.end()) > MAX_HEAD_BYTES:
            raise ProtocolError("The head is too long.")
        if found is None:
            return None, received
        head, received = _head(received[: found.start()]), received[found.end() :]
        if head.status >= 200:
            return head, received


def body_of(head: Head) -> Body:
    """What reads the body that this head announces."""
    if head.status in (204, 304):
        return _Sized(0)  # whatever its headers say
    if "transfer-encoding" in head.headers:
        if head.headers["transfer-encoding"].lower() != "chunked":
            raise ProtocolError("The transfer coding is unknown.")
        return _Chunked()
    if (length := head.headers.get("content-length")) is None:
        return _UntilClose()
    if not _LENGTH.fullmatch(length):
        raise ProtocolError("The length is no number.")
    return _Sized(int(length))


def _head(data: bytes) -> Head:
    lines = data.decode("latin-1").split("\n")
    matched = _STATUS_LINE.fullmatch(lines[0].rstrip("\r"))
    if matched is None:
        raise ProtocolError("The status line is none.")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        # Nor is a line that continues the last one: no HTTP server sends that today.
        if not (colon and name) or name != name.strip():
            raise ProtocolError("A header line is none.")
        name, value = name.lower(), value.strip(" \t\r")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Head(int(matched[2]), headers, _is_persistent(matched[1], headers))


def _is_persistent(minor_version: str, headers: dict[str, str]) -> bool:
    if "transfer-encoding" in headers and ("content-length" in headers or minor_version == "0"):
        return False  # somebody on the way may have read it otherwise
    told = headers.get("connection", "").lower()
    return "close" not in told and (minor_version == "1" or "keep-alive" in told)


class _Sized(Body):
    def __init__(self, length: int) -> None:
        self._left = length
        self.is_complete = not length

    def feed(self, data: bytes) -> bytes:
        if len(data) > self._left:
            data, self.has_excess = data[: self._left], True
        self._left -= len(data)
        self.is_complete = not self._left
        return data


class _UntilClose(Body):
    ends_connection = True

    def feed(self, data: bytes) -> bytes:
        return data

    def end(self) -> None:
        self.is_complete = True


class _Chunked(Body):
    """`_left` bytes of a chunk, then a line: the chunk's empty end, the size of the next, or a trailer field."""

    def __init__(self) -> None:
        self._rest = b""
        self._left = 0
        self._take_line = self._take_size

    def feed(self, data: bytes) -> bytes:
        data, self._rest = self._rest + data if self._rest else data, b""
        pieces, place, size = [], 0, len(data)
        while place < size:
            if self._left:
                piece = data[place : place + self._left]
                pieces.append(piece)
                place += len(piece)
                self._left -= len(piece)
                continue
            if self.is_complete:
                self.has_excess = True
                break
            end = data.find(b"\n", place)
            if (size if end < 0 else end) - place > _MAX_LINE_BYTES:
                raise ProtocolError("A line of the body is too long.")
            if end < 0:
                self._rest = data[place:]
                break
            self._take_line(data[place:end].removesuffix(b"\r"))
            place = end + 1
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _take_size(self, line: bytes) -> None:
        matched = _CHUNK_SIZE.fullmatch(line)
        if matched is None:
            raise ProtocolError("The size of a chunk is none.")
        self._left = int(matched[1], 16)
        self._take_line = self._take_end if self._left else self._take_trailer

    def _take_end(self, line: bytes) -> None:
        if line:
            raise ProtocolError("A chunk is longer than announced.")
        self._take_line = self._take_size

    def _take_trailer(self, line: bytes) -> None:
        self.is_complete = not line
