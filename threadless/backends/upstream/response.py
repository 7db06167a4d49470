"""One POST to an upstream and its response as it arrives, each time-out kept."""

from __future__ import annotations

import errno
import io
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from threadless.backends import lifetime
from threadless.backends.upstream.connections import Connections, shut_down
from threadless.backends.upstream.http1 import Body, Head, ProtocolError, body_of, split_head
from threadless.exceptions import UpstreamError, UpstreamTimeout
from threadless.server.timeouts import COARSE_SECONDS, call_later, cancel

_SEGMENT_BYTES: Final = 65536
_ONE_WRITE_BYTES: Final = 65536
"""Up to here a copy costs less than a second write, a second segment and a second read at the other end."""
_DRAIN_SECONDS: Final = 0.2
"""How long the end of a body is waited for after `[DONE]`, so that the connection can be used again."""
_READ_EARLY: Final = frozenset({errno.EPIPE, errno.ECONNRESET, errno.EPROTOTYPE})
"""The upstream has answered before it read the whole request, such as with a 413, and reads no more."""


class Transport:
    """Posts to one address. Time-outs are in seconds; a call's deadline shortens them."""

    def __init__(
        self,
        connections: Connections,
        target: str,
        headers: Mapping[str, str],
        *,
        first_byte_seconds: float,
        between_chunks_seconds: float,
    ) -> None:
        self._connections = connections
        lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        self._head = "".join(f"{line}\r\n" for line in lines).encode("latin-1")
        self._first_byte_seconds = first_byte_seconds
        self._between_chunks_seconds = between_chunks_seconds

    def post(self, body: bytes, request_id: str) -> Response:
        """The response, to be read within a `with` block, which raises `UpstreamError`s for what goes wrong."""
        if not (request_id.isascii() and request_id.isprintable()):
            raise ValueError("A request id must be printable ASCII.")
        own = f"X-Request-Id: {request_id}\r\n" if request_id else ""
        head = b"%b%bContent-Length: %d\r\n\r\n" % (self._head, own.encode(), len(body))
        pieces = (head + body,) if len(body) <= _ONE_WRITE_BYTES else (head, body)
        return Response(self._connections, pieces, self._first_byte_seconds, self._between_chunks_seconds)


class Response:
    """What an upstream answers. Entering the block sends the request and waits for the head."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""

    def __init__(
        self, connections: Connections, request: tuple[bytes, ...], first_byte_seconds: float, between_seconds: float
    ) -> None:
        self._connections = connections
        self._request = request
        self._first_byte_seconds = first_byte_seconds
        self._between_seconds = between_seconds
        self._life = lifetime.current()
        self._connection: Any = None
        self._sock: Any = None
        self._head: Head
        self._body: Body
        self._is_sent = self._has_begun = self._is_late = False
        self._received = b""

    def __enter__(self) -> Self:
        self._connection = self._connections.take()
        self._sock = self._connection.sock
        try:
            self._limit(self._first_byte_seconds)
            self._send()
            self._head, self._received = self._receive_head()
            self._body = body_of(self._head)
            self._has_begun = True
            self._sock.settimeout(None)  # see `_receive_in_time`
        except BaseException as error:
            self.__exit__(type(error), error)
            raise
        self.status, self.headers = self._head.status, self._head.headers
        return self

    def __exit__(self, kind: object, error: BaseException | None, *traceback: object) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._connections.give_back(connection, is_reusable=self._is_reusable())
        # Without the failure that led to it, whose text may hold an address.
        if isinstance(error, TimeoutError):
            raise UpstreamTimeout("The model took too long to answer.") from None
        if isinstance(error, (OSError, HTTPError, ProtocolError)):
            raise UpstreamError("The connection to the model broke.") from None

    def read(self, limit: int | None = None) -> bytes:
        """The whole content, or what came until there were `limit` bytes."""
        pieces, size = [], 0
        for segment in self.segments():
            pieces.append(segment)
            size += len(segment)
            if limit is not None and size >= limit:
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def segments(self) -> Iterator[bytes]:
        """The content as it arrives, never gathered."""
        coding = self.headers.get("content-encoding", "identity")
        return self._segments() if coding.lower() == "identity" else self._decoded()

    def drain(self) -> None:
        """Wait a moment for the end of a body whose content is whole."""
        end = time.monotonic() + _DRAIN_SECONDS
        try:
            while not self._body.is_complete and (left := end - time.monotonic()) > 0:
                self._sock.settimeout(left)
                self._receive()
        except (OSError, ProtocolError):
            return  # what the connection does now concerns nobody

    def _segments(self) -> Iterator[bytes]:
        received, self._received = self._received, b""
        segment = self._body.feed(received)
        while True:
            if segment:
                yield segment
            if self._body.is_complete:
                return
            if self._life is not None:
                self._life.check()
            segment = self._receive_in_time()

    def _receive_in_time(self) -> bytes:
        seconds = self._between_seconds if self._life is None else min(self._between_seconds, self._life.remaining)
        if seconds < COARSE_SECONDS:
            self._sock.settimeout(seconds)
            return self._receive()
        call_later(self._give_up, seconds)
        try:
            return self._receive()
        finally:
            cancel(self._give_up)

    def _give_up(self) -> None:
        self._is_late = True
        if self._connection is not None:  # else it is another call's by now
            shut_down(self._sock)

    def _receive(self) -> bytes:
        data = self._sock.recv(_SEGMENT_BYTES)
        if self._is_late:
            raise TimeoutError
        if data:
            return self._body.feed(data)
        self._body.end()
        return b""

    def _decoded(self) -> Iterator[bytes]:
        """Some upstreams compress though they were asked not to; urllib3 knows the codings."""
        raw = io.BufferedReader(_File(self._segments()), _SEGMENT_BYTES)
        response = HTTPResponse(raw, self.headers, preload_content=False)
        while segment := response.read1(_SEGMENT_BYTES, decode_content=True):
            yield segment

    def _send(self) -> None:
        try:
            for piece in self._request:
                sent = self._sock.send(piece)  # mostly all; gevent's `sendall` asks the system for its buffers first
                if sent < len(piece):
                    self._sock.sendall(memoryview(piece)[sent:])
            self._is_sent = True
        except OSError as error:
            if error.errno not in _READ_EARLY:
                raise

    def _receive_head(self) -> tuple[Head, bytes]:
        received = b""
        while data := self._sock.recv(_SEGMENT_BYTES):
            head, received = split_head(received + data)
            if head is not None:
                return head, received
            if self._life is not None:  # a head may come byte by byte
                self._life.check()
                self._limit(self._first_byte_seconds)
        raise ProtocolError("The connection ended before the head.")

    def _limit(self, seconds: float) -> None:
        self._sock.settimeout(seconds if self._life is None else min(seconds, self._life.remaining))

    def _is_reusable(self) -> bool:
        if not (self._is_sent and self._has_begun and self._head.is_persistent):
            return False
        return self._body.is_complete and not (self._body.has_excess or self._body.ends_connection)


class _File(io.RawIOBase):
    """Segments as a file."""

    def __init__(self, segments: Iterator[bytes]) -> None:
        self._segments = segments
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._rest or next(self._segments, b"")
        taken, self._rest = data[: len(buffer)], data[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)
