"""Requests as bytes, and sockets that send them."""

from __future__ import annotations

import json
import re
import socket
from typing import Any, Final

from benchmarks.hostile import MODEL

PATH: Final = "/api/v1/chat/completions"
CONNECT_SECONDS: Final = 5.0


def connect(port: int, *, receive_buffer: int = 0) -> socket.socket:
    """A connection to loopback; `receive_buffer` in bytes, 0 for the system's own."""
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(CONNECT_SECONDS)
    sock.connect(("127.0.0.1", port))
    return sock


def head(key: str, length: int, *lines: str) -> bytes:
    """The head of a call whose body has this length."""
    fields = [f"POST {PATH} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {key}", *lines]
    fields += ["Content-Type: application/json", f"Content-Length: {length}", "", ""]
    return "\r\n".join(fields).encode()


def chat(model: str = MODEL, **fields: Any) -> bytes:
    """The body of a short chat."""
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}]} | fields).encode()


def call(sock: socket.socket, key: str, body: bytes) -> tuple[int, bytes]:
    """Send a call and read the answer; its status and its body. Raises `OSError` if the connection breaks."""
    sock.sendall(head(key, len(body)) + body)
    return read_answer(sock)


def read_answer(sock: socket.socket) -> tuple[int, bytes]:
    """The status and the body of one answer, chunked or with a length."""
    received = _read_to(sock, b"", b"\r\n\r\n")
    top, _, rest = received.partition(b"\r\n\r\n")
    status = int(top.split(b" ", 2)[1])
    if length := re.search(rb"(?i)content-length: (\d+)", top):
        return status, _read_size(sock, rest, int(length[1]))
    return status, _read_chunks(sock, rest)


def _read_to(sock: socket.socket, received: bytes, mark: bytes) -> bytes:
    while mark not in received:
        received += _receive(sock)
    return received


def _read_size(sock: socket.socket, received: bytes, size: int) -> bytes:
    pieces, got = [received], len(received)
    while got < size:
        pieces.append(_receive(sock))
        got += len(pieces[-1])
    return b"".join(pieces)


def _read_chunks(sock: socket.socket, received: bytes) -> bytes:
    body = b""
    while True:
        received = _read_to(sock, received, b"\r\n")
        line, _, received = received.partition(b"\r\n")
        size = int(line, 16)
        received = _read_size(sock, received, size + 2)
        if size == 0:
            return body
        body, received = body + received[:size], received[size + 2 :]


def _receive(sock: socket.socket) -> bytes:
    if data := sock.recv(262144):
        return data
    raise ConnectionError("The connection ended before the answer did.")
