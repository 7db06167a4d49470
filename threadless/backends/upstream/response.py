"""One POST to an upstream and its response as it arrives, within time and size limits."""

from __future__ import annotations

import contextlib
import errno
import io
import time
from collections.abc import Iterator
from typing import Any, Final, Self

from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from threadless.backends import lifetime
from threadless.backends.upstream.connections import Connection
from threadless.backends.upstream.limits import Limits, Timeouts, Timer
from threadless.backends.upstream.parser import ProtocolError, ResponseParser
from threadless.backends.upstream.pool import Pool
from threadless.backends.upstream.segment_file import SegmentFile
from threadless.backends.upstream.sse import Event, EventTooLargeError, SSEDecoder
from threadless.exceptions import Cancelled, UpstreamError, UpstreamTimeout
from threadless.server import green
from threadless.server import timeouts as coarse_timer
from threadless.server.memory import COUNTED_FROM, Reservation
from threadless.server.readiness import reading, wait_readable
from threadless.server.timeouts import COARSE_SECONDS
from threadless.turns import let_others_run

_SEGMENT_BYTES: Final = 16384
"""What is read at once, and therefore decoded without a break."""
_DRAIN_SECONDS: Final = 0.2
"""How long to wait for the end of the body after the content is complete, so that the connection can be reused."""
_READ_EARLY: Final = frozenset({errno.EPIPE, errno.ECONNRESET, errno.EPROTOTYPE})
"""The upstream answered before it had read the whole request, for example with a 413, and reads no more."""
_RATE_LIMITED: Final = 429
"""The upstream has refused the request before it did any work."""
_MAX_SEND: Final = 1024 * 1024
"""The kernel may send much more at once if the peer reads meanwhile. Between two pieces we see whether it answers."""
_BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r\n" + _BOM
"""What may stand before JSON."""
_TURN_BYTES: Final = 16384
"""Under gevent, a flooding upstream never blocks its reader. After this much input the reader lets others run."""
_TURN_SEGMENT_BYTES: Final = 512
"""A segment counts as at least this many bytes."""
_SMALL_BYTES: Final = 2048
"""After fewer bytes, the next ones have probably not arrived yet."""
_PAUSE_SECONDS: Final = 1e-6
"""Not 0: after `sleep(0)` gevent runs only what is ready, up to 50 times before it looks at sockets and timers."""


class Response:
    """The answer of an upstream. Entering the `with` block sends the request and waits for the head.

    The block raises `UpstreamTimeout`, `UpstreamUnavailable` or another `UpstreamError`, without the original
    exception, whose text may contain an address.
    """

    status: int
    headers: dict[str, str]
    """Names in lower case."""

    def __init__(
        self,
        pool: Pool,
        request: tuple[bytes, ...],
        timeouts: Timeouts,
        limits: Limits,
        timer: Timer = coarse_timer,
    ) -> None:
        self._pool = pool
        self._request = request
        self._timeouts = timeouts
        self._limits = limits
        self._timer = timer
        self._life = lifetime.current()
        self._parser = ResponseParser(max_head_bytes=limits.head_bytes, max_interim=limits.interim_responses)
        self._connection: Connection | None = None
        self._sock: Any = None
        self._is_in_order = False  # True if nothing arrived before the whole request was sent
        self._is_waiting = self._is_late = False
        self._first_content = b""
        self._turn_bytes = self._last_bytes = 0

    def __enter__(self) -> Self:
        try:
            self._ask()
            while not self._parser.status:
                self._first_content = self._receive(self._timeouts.first_byte_seconds)
        except BaseException as error:
            self.__exit__(type(error), error)
            raise
        self.status, self.headers = self._parser.status, self._parser.headers
        return self

    def __exit__(self, kind: object, error: BaseException | None, *traceback: object) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._life is not None and self._parser.status != _RATE_LIMITED:
                self._life.has_asked = True
            self._pool.give_back(connection, is_reusable=self._is_reusable())
        if self._parser.has_surplus:
            self._pool.distrust()
        self._parser.close()
        if isinstance(error, TimeoutError):
            raise UpstreamTimeout("The model took too long to answer.") from None
        if isinstance(error, EventTooLargeError):
            raise UpstreamError("The model's response is too large.") from None
        if isinstance(error, (OSError, HTTPError, ProtocolError)):
            raise UpstreamError("The connection to the model was lost.") from None

    def read(self) -> bytes:
        """The whole content. Raises `UpstreamError` beyond its limit, and `Overloaded` beyond that of the process."""
        limit = self._limits.answer_bytes
        length = int(self.headers.get("content-length", "0"))
        if 0 < length <= min(limit, COUNTED_FROM) and "content-encoding" not in self.headers:
            return b"".join(self._segments())
        if length <= limit:
            with Reservation() as reservation:
                pieces = self._gather(limit + 1, reservation)
                if sum(map(len, pieces)) <= limit:
                    return pieces[0] if len(pieces) == 1 else reservation.hold(b"".join(pieces))
        raise UpstreamError("The model's response is too large.")

    def read_some(self, limit: int) -> bytes:
        """The first `limit` bytes of the content, or all of it if it is shorter."""
        return b"".join(self._gather(limit))[:limit]

    def events(self) -> Iterator[Event]:
        """Yield each server-sent event as soon as it is complete."""
        decoder = SSEDecoder(self._limits.event_bytes)
        with reading():
            for segment in self.segments():
                yield from decoder.feed(segment)
            yield from decoder.flush()

    def segments(self) -> Iterator[bytes]:
        """The content as it arrives."""
        coding = self.headers.get("content-encoding", "identity")
        return self._segments() if coding.lower() == "identity" else self._decoded()

    def is_json(self) -> bool:
        """True if the content begins as JSON and not as events. Waits for the first byte. Ignores the Content-Type."""
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            return "json" in self.headers.get("content-type", "")
        while not (start := self._first_content.lstrip(_BLANK)) and not self._parser.is_complete:
            part = self._first_content if _BOM.startswith(self._first_content) else b""  # blanks say nothing
            self._first_content = part + self._receive(self._timeouts.between_chunks_seconds)
        return start.startswith((b"{", b"["))

    def drain(self) -> None:
        """Wait briefly for the end of a body whose content is complete."""
        end = time.monotonic() + _DRAIN_SECONDS
        with contextlib.suppress(OSError, ProtocolError, UpstreamTimeout, Cancelled):  # the content is complete
            while not self._parser.is_complete and (left := end - time.monotonic()) > 0:
                self._receive(left)

    def _gather(self, limit: int, reservation: Reservation | None = None) -> list[bytes]:
        """The content, up to the segment that reaches `limit` bytes. A large one is reserved while it arrives."""
        pieces: list[bytes] = []
        size = 0
        for segment in self.segments():
            pieces.append(segment)
            size += len(segment)
            if reservation is not None and size > COUNTED_FROM:
                reservation.add(len(segment))
            if size >= limit:
                break
        return pieces

    def _segments(self) -> Iterator[bytes]:
        segment, self._first_content = self._first_content, b""
        while True:
            if segment:
                yield segment
            if self._parser.is_complete:
                return
            segment = self._receive(self._timeouts.between_chunks_seconds)

    def _decoded(self) -> Iterator[bytes]:
        """A decoder for upstreams that compress although they were asked not to. urllib3 has the codings."""
        raw = io.BufferedReader(SegmentFile(self._segments()), _SEGMENT_BYTES)
        response = HTTPResponse(raw, self.headers, preload_content=False)
        while segment := response.read1(_SEGMENT_BYTES, decode_content=True):
            self._take_turns(len(segment))
            yield segment

    def _receive(self, seconds: float) -> bytes:
        """The content of the next bytes. Raises `TimeoutError` after this many seconds without a byte."""
        if self._life is not None:
            self._life.check()
            seconds = min(seconds, self._life.remaining)
        data = self._receive_exactly(seconds) if seconds < COARSE_SECONDS else self._receive_coarsely(seconds)
        if not data:
            self._parser.end()
            return b""
        self._last_bytes = len(data)
        self._take_turns(len(data))
        return self._parser.feed(data)

    def _receive_exactly(self, seconds: float) -> bytes:
        self._sock.settimeout(seconds)
        try:
            data: bytes = self._sock.recv(_SEGMENT_BYTES)
        except TimeoutError:
            if self._connection is None or not self._connection.is_readable():
                raise
            data = self._sock.recv(_SEGMENT_BYTES)  # this process was busy, and the timeout fired late
        return data

    def _receive_coarsely(self, seconds: float) -> bytes:
        """Under gevent this takes 10 % less time than a socket timeout, which starts a timer for every chunk."""
        self._sock.settimeout(None)
        self._is_waiting = True
        self._timer.call_later(self._give_up, seconds)
        try:
            if self._last_bytes < _SMALL_BYTES:
                wait_readable(self._sock)
            data: bytes = self._sock.recv(_SEGMENT_BYTES)
        except OSError:  # gevent raises it in a thread that waits on a socket which is shut down
            if not self._is_late:
                raise
        finally:
            self._is_waiting = False
            self._timer.cancel(self._give_up)
        if self._is_late:
            raise TimeoutError
        return data

    def _give_up(self) -> None:
        connection = self._connection
        if connection is None or not self._is_waiting:
            return
        if connection.is_readable():  # this process was busy, and the timeout fired late; check again
            self._timer.call_later(self._give_up, 0)
            return
        self._is_late = True
        connection.shut_down()

    def _take_turns(self, size: int) -> None:
        self._turn_bytes += max(size, _TURN_SEGMENT_BYTES)
        if self._turn_bytes >= _TURN_BYTES:
            self._turn_bytes = 0
            if green.is_patched():
                time.sleep(_PAUSE_SECONDS)

    def _ask(self) -> None:
        """Send the request over a connection, and free its bytes."""
        pieces, self._request = self._request, ()
        connection = self._pool.take()
        self._send(connection, pieces)
        if not self._is_in_order and connection.idle_since:
            # It may be a surplus response to an earlier call. The request was not sent whole, so it may be sent again.
            self._connection = None
            self._pool.give_back(connection, is_reusable=False)
            self._send(self._pool.open(), pieces)

    def _send(self, connection: Connection, pieces: tuple[bytes, ...]) -> None:
        """Send a request until the upstream answers."""
        self._connection, self._sock = connection, connection.sock
        seconds = self._timeouts.first_byte_seconds
        self._sock.settimeout(seconds if self._life is None else min(seconds, self._life.remaining))
        is_early = False
        try:
            for piece in pieces:
                rest = memoryview(piece)
                while rest:
                    is_early = is_early or connection.is_readable()
                    if is_early and connection.idle_since:
                        return
                    rest = rest[self._sock.send(rest[:_MAX_SEND]) :]
                    let_others_run(len(rest))
            self._is_in_order = not is_early
        except TimeoutError:
            if not connection.is_readable():
                raise
        except OSError as error:
            if error.errno not in _READ_EARLY:
                raise

    def _is_reusable(self) -> bool:
        """True if the answer is complete and successful, and the peer has sent nothing unexpected."""
        parser = self._parser
        is_whole = parser.is_complete and parser.is_persistent and not parser.has_surplus
        return is_whole and self._is_in_order and parser.status == 200
