"""A client on a raw socket, which can stop reading or leave at any point."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from typing import Any, Self
from urllib.parse import urlsplit

SECONDS = 15
PATH = "/api/v1/chat/completions"


def body(**fields: Any) -> dict[str, Any]:
    """A short chat."""
    return {"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "Hello"}]} | fields


class Client:
    """One connection, one call."""

    def __init__(self, base_url: str, key: str, *, receive_buffer: int = 0) -> None:
        self._address = urlsplit(base_url)
        self._key = key
        self._sock = socket.socket()
        if receive_buffer:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._sock.settimeout(SECONDS)
        self._sock.connect((self._address.hostname, self._address.port))
        self._ahead = b""

    def post(self, request_id: str, headers: dict[str, str] | None = None, **fields: Any) -> Self:
        """Send the call; the answer is for the other methods to read."""
        content = json.dumps(body(**fields)).encode()
        lines = {
            "Host": self._address.netloc,
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "X-Request-Id": request_id,
            "Connection": "close",
        } | (headers or {})
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._sock.sendall(f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + content)
        return self

    def read_until(self, mark: bytes) -> bytes:
        """All up to and with the mark; what came behind it is kept. Fails if the connection ends before."""
        while mark not in self._ahead:
            data = self._sock.recv(65536)
            assert data, f"ended before {mark!r}: {self._ahead!r}"
            self._ahead += data
        found, mark, self._ahead = self._ahead.partition(mark)
        return found + mark

    def read_head(self) -> tuple[int, dict[str, str]]:
        """The HTTP status and the headers, names in lower case."""
        first, *lines = self.read_until(b"\r\n\r\n").decode().strip().split("\r\n")
        return int(first.split()[1]), {n.lower(): v for n, v in (line.split(": ", 1) for line in lines)}

    def read_rest(self) -> bytes:
        """All that is still to come, to the end of the connection."""
        while data := self._sock.recv(65536):
            self._ahead += data
        rest, self._ahead = self._ahead, b""
        return rest

    def read_for(self, seconds: float) -> None:
        """Read, and forget, what comes within this time."""
        end = time.monotonic() + seconds
        with contextlib.suppress(TimeoutError):
            while (left := end - time.monotonic()) > 0:
                self._sock.settimeout(left)
                if not self._sock.recv(65536):
                    return

    def leave(self) -> None:
        """Hang up."""
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.leave()
