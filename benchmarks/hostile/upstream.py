"""`python -m benchmarks.hostile.upstream BEHAVIOR`: a harmful upstream; prints its base URL and serves.

A flood lasts until the peer hangs up or `FLOOD_SECONDS` have passed. It listens on loopback only.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sys
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any, Final

from tests.support.bodies import DONE, chunks_of, completion, event

FLOOD_SECONDS: Final = 20.0
LARGE: Final = 300_000_000
"""Bytes of the answers that are too large."""
UNREAD: Final = 3_000_000
"""Bytes of the plain answer that a client does not read."""
_STREAM: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_JSON: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_PIECE: Final = 65536

Behavior = Callable[[socket.socket, dict[str, Any]], None]


def chunked(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def flood(sock: socket.socket, data: bytes) -> None:
    """The same bytes at full speed; ends with `OSError` once the peer is gone."""
    many = data * max(1, _PIECE // len(data))
    end = time.monotonic() + FLOOD_SECONDS
    while time.monotonic() < end:
        sock.sendall(many)


def answer(sock: socket.socket, asked: dict[str, Any]) -> None:
    """As a good upstream does, with the request's `user` for text."""
    text = str(asked.get("user", "Hello"))
    if asked.get("stream"):
        events = [*map(event, chunks_of(text)), DONE, b""]
        sock.sendall(_STREAM + b"".join(map(chunked, events)))
    else:
        sock.sendall(_plain(completion(text)))


def _plain(body: Any) -> bytes:
    data = json.dumps(body).encode()
    return _JSON + b"Content-Length: %d\r\n\r\n%b" % (len(data), data)


def unread(sock: socket.socket, asked: dict[str, Any]) -> None:
    """Much: one long answer, or a stream without end."""
    if not asked.get("stream"):
        sock.sendall(_plain(completion("a" * UNREAD)))
        return
    sock.sendall(_STREAM)
    flood(sock, chunked(event(chunks_of("a" * 16_000)[1])))


def comments(sock: socket.socket, asked: dict[str, Any]) -> None:
    sock.sendall(_STREAM)
    flood(sock, chunked(b": \n\n" * 1000))


def empty_choices(sock: socket.socket, asked: dict[str, Any]) -> None:
    sock.sendall(_STREAM)
    flood(sock, chunked(event({"choices": []}) * 200))


def continues(sock: socket.socket, asked: dict[str, Any]) -> None:
    flood(sock, b"HTTP/1.1 100 Continue\r\n\r\n")


def trailers(sock: socket.socket, asked: dict[str, Any]) -> None:
    body = chunked(json.dumps(completion()).encode())
    sock.sendall(_JSON + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n")
    flood(sock, b"X-Trailer: value\r\n")


def tiny_chunks(sock: socket.socket, asked: dict[str, Any]) -> None:
    sock.sendall(_STREAM)
    flood(sock, b"".join(chunked(bytes([byte])) for byte in b": \n\n"))


def long_line(sock: socket.socket, asked: dict[str, Any]) -> None:
    sock.sendall(_STREAM + chunked(b'data: {"choices":[{"index":0,"delta":{"content":"'))
    _send_large(sock, chunked(b"a" * _PIECE), LARGE // _PIECE)
    sock.sendall(chunked(b'"}}]}\n\n') + chunked(DONE) + chunked(b""))


def large_json(sock: socket.socket, asked: dict[str, Any]) -> None:
    start, end = json.dumps(completion("@")).encode().split(b"@")
    count = LARGE // _PIECE
    length = len(start) + len(end) + count * _PIECE
    sock.sendall(_JSON + b"Content-Length: %d\r\n\r\n" % length + start)
    _send_large(sock, b"a" * _PIECE, count)
    sock.sendall(end)


def gzip_bomb(sock: socket.socket, asked: dict[str, Any]) -> None:
    """600 MB in 0.6 MB: after a full flush the same block may come again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = packer.compress(b'{"id":"') + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b"a" * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    data = first + block * (2 * LARGE // 1_000_000)
    sock.sendall(_JSON + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data))


def _send_large(sock: socket.socket, piece: bytes, count: int) -> None:
    for _ in range(count):
        sock.sendall(piece)


def one_too_many(sock: socket.socket, asked: dict[str, Any]) -> None:
    """The answer and another one: 2 ms later, in the same segment, or right behind it."""
    extra, delay = _plain(completion("SMUGGLED")), (asked.get("seed", 0) + 2) % 3
    if delay == 0:
        sock.sendall(_plain(completion(str(asked["user"]))) + extra)
        return
    answer(sock, asked)
    time.sleep(0.002 * (delay - 1))
    sock.sendall(extra)


def slow_head(sock: socket.socket, asked: dict[str, Any]) -> None:
    for byte in _STREAM:
        sock.sendall(bytes([byte]))
        time.sleep(0.05)


BEHAVIORS: Final[dict[str, Behavior]] = {
    behavior.__name__: behavior
    for behavior in (
        *(answer, unread, comments, empty_choices, continues, trailers, tiny_chunks),
        *(long_line, large_json, gzip_bomb, one_too_many, slow_head),
    )
}
SILENT_TLS: Final = "silent_tls"
FULL_BACKLOG: Final = "full_backlog"


def serve(sock: socket.socket, behave: Behavior) -> None:
    """All requests of one connection."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(OSError), sock, sock.makefile("rb") as file:
        while top := b"".join(iter(file.readline, b"\r\n")):
            length = re.search(rb"(?i)content-length: (\d+)", top)
            body = file.read(int(length[1])) if length else b""
            behave(sock, json.loads(body) if len(body) < _PIECE else {})


def fill_backlog(listener: socket.socket) -> list[socket.socket]:
    """Connections that nobody accepts, until no more fit; the next one waits without an answer."""
    waiting = []
    for _ in range(8):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        waiting.append(sock)
    return waiting


def main() -> None:
    name = sys.argv[1]
    listener = socket.create_server(("127.0.0.1", 0), backlog=0 if name == FULL_BACKLOG else 512)
    scheme = "https" if name == SILENT_TLS else "http"
    held = fill_backlog(listener) if name == FULL_BACKLOG else []
    print(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/v1", flush=True)
    if name == FULL_BACKLOG:
        threading.Event().wait()
    while True:
        sock, _ = listener.accept()
        if name == SILENT_TLS:
            held.append(sock)
        else:
            threading.Thread(target=serve, args=(sock, BEHAVIORS[name]), daemon=True).start()


if __name__ == "__main__":
    main()
