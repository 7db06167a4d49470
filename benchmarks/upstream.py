"""A mock upstream, cheap enough not to be the limit: `python -m benchmarks.upstream` prints its address and serves.

The model's name decides the answer; all bytes are prepared in advance. `GET /ids` returns the request ids that it has
seen and clears the list.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any, Final

import msgspec

from benchmarks import payloads
from benchmarks.loop import run

_IDS: Final[list[str]] = []


class _Asked(msgspec.Struct):
    """The properties of a request that decide the answer."""

    model: str
    messages: list[msgspec.Raw]
    stream: bool = False


_decode: Final = msgspec.json.Decoder(_Asked).decode


def _response(status: str, content_type: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_STREAM_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_PIECES: Final = [_chunked(event) for event in payloads.events()]
_PIECES[-1] += b"0\r\n\r\n"
_BURST: Final = _STREAM_HEAD + b"".join(_PIECES)
_ANSWER: Final = _response("200 OK", "application/json", payloads.completion())
_FAILURE: Final = _response("500 Internal Server Error", "application/json", b'{"error": {"message": "broken"}}')
_REFUSAL: Final = _response("400 Bad Request", "application/json", b'{"error": {"message": "not a known body"}}')


class Upstream(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._wanted = 0
        self._transport: Any = None
        self._timer: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) < self._wanted:  # the rest of a large body
            return
        end = self._received.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        head = bytes(self._received[:end])
        self._wanted = end + _number(_header(head, b"content-length"))
        if len(self._received) < self._wanted:
            return
        body = bytes(self._received[end : self._wanted])
        del self._received[: self._wanted]
        self._wanted = 0
        self._reply(head, body)

    def _reply(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET"):
            self._transport.write(_response("200 OK", "text/plain", "\n".join(_IDS).encode()))
            _IDS.clear()
        else:
            _IDS.append(_header(head, b"x-request-id").decode())
            self._answer(body)

    def _answer(self, body: bytes) -> None:
        try:
            asked = _decode(body)
        except msgspec.MsgspecError:
            self._transport.write(_REFUSAL)
            return
        if asked.model == payloads.MODELS[payloads.FAIL]:
            self._transport.write(_FAILURE)
        elif seconds := payloads.DELAYS.get(asked.model):
            self._timer = asyncio.get_running_loop().call_later(seconds, self._transport.write, _ANSWER)
        elif not asked.stream:
            self._transport.write(_ANSWER)
        elif asked.model == payloads.MODELS[payloads.BURST]:
            self._transport.write(_BURST)
        else:
            self._transport.write(_STREAM_HEAD)
            self._pace(asyncio.get_running_loop(), asyncio.get_running_loop().time(), 0)

    def _pace(self, loop: Any, start: float, number: int) -> None:
        """The end follows the last word immediately. Each word has an absolute time, so delays do not add up."""
        self._transport.write(_PIECES[number])
        if number + 1 == payloads.CHUNKS:
            self._transport.write(_PIECES[number + 1])
            self._timer = None
        else:
            due = start + (number + 1) / payloads.CHUNKS_PER_SECOND
            self._timer = loop.call_at(due, self._pace, loop, start, number + 1)


def _header(head: bytes, name: bytes) -> bytes:
    """The value of a header. `name` is in lower case; `head` may have any case."""
    start = head.lower().find(b"\r\n" + name + b":")
    return head[start + len(name) + 3 : head.find(b"\r\n", start + 2)].strip() if start >= 0 else b""


def _number(value: bytes) -> int:
    return int(value) if value else 0


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    told_to_stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told_to_stop.set)
    server = await loop.create_server(Upstream, "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await told_to_stop.wait()


if __name__ == "__main__":
    run(_serve())
