"""HTTP clients without manners: `Client` reads whole answers, `Connection` sends and reads what a test needs."""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import sys
import time
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any, Self

PATH = "/api/v1/chat/completions"
SECONDS = 15
_ESTABLISHED = "01"
ERROR_KEYS = {"message", "type", "param", "code"}


def body_of(content: Any = "Hi", **fields: Any) -> dict[str, Any]:
    """The smallest request, with these fields added or replaced."""
    return {"model": "small", "messages": [{"role": "user", "content": content}], **fields}


@dataclass(kw_only=True)
class Reply:
    """A whole answer."""

    status: int
    headers: Message
    content: bytes

    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.content)

    @property
    def error(self) -> dict[str, Any]:
        """The `error` of a body that must be in the form of the OpenAI API."""
        assert self.headers["Content-Type"] == "application/json", self.headers["Content-Type"]
        body = self.json()
        assert set(body) == {"error"}
        error: dict[str, Any] = body["error"]
        assert set(error) == ERROR_KEYS
        assert isinstance(error["message"], str)
        assert error["message"]
        assert isinstance(error["type"], str)
        return error

    @property
    def events(self) -> list[str]:
        """The data of each event of a stream; fails unless the framing is exact."""
        text = self.content.decode()
        assert text.endswith("\n\n")
        without_comments = "".join(line for line in text.splitlines(keepends=True) if not line.startswith(":"))
        blocks = without_comments[:-2].split("\n\n")
        assert all(block.startswith("data: ") and "\n" not in block for block in blocks), text
        return [block.removeprefix("data: ") for block in blocks]

    @property
    def chunks(self) -> list[dict[str, Any]]:
        """The chunks of a stream that ended with `[DONE]`."""
        *events, last = self.events
        assert last == "[DONE]"
        assert "[DONE]" not in events
        chunks: list[dict[str, Any]] = [json.loads(event) for event in events]
        return chunks

    @property
    def text(self) -> str:
        """The content of the first choice of a stream."""
        deltas = [choice["delta"] for chunk in self.chunks for choice in chunk["choices"] if choice["index"] == 0]
        return "".join(delta.get("content") or "" for delta in deltas)


class Client:
    """Calls one server with one key, over a kept connection."""

    def __init__(self, port: int, key: str) -> None:
        self.port = port
        self.key = key
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._connection.close()

    def post(self, body: Any = None, path: str = PATH, *, method: str = "POST", **headers: str) -> Reply:
        """Send JSON, or bytes as they are. Header names have underscores for dashes."""
        data = body if isinstance(body, bytes) else json.dumps(body_of() if body is None else body).encode()
        given = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, data, given)
        return self._reply()

    def get(self, path: str, **headers: str) -> Reply:
        """A GET with the key."""
        given = {"Authorization": f"Bearer {self.key}"} | {n.replace("_", "-"): v for n, v in headers.items()}
        self._connection.request("GET", path, headers=given)
        return self._reply()

    def stream(self, **fields: Any) -> Reply:
        """A stream, read to its end."""
        return self.post(body_of(stream=True, **fields))

    def raw(self, data: bytes, *, timeout: float = SECONDS) -> Reply:
        """Send these bytes over a new connection and read one answer."""
        with self.connect(timeout=timeout) as connection:
            connection.send(data)
            return connection.read_reply()

    def connect(self, *, timeout: float = SECONDS) -> Connection:
        """A new connection to the same server."""
        return Connection(self.port, self.key, timeout=timeout)

    def head(self, *lines: str | bytes, key: str | None = None, method: str = "POST") -> bytes:
        """The head of a request with the usual lines and these."""
        token = self.key if key is None else key
        usual = [f"{method} {PATH} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
        encoded = [line if isinstance(line, bytes) else line.encode("latin-1") for line in (*usual, *lines)]
        return b"\r\n".join([*encoded, b"", b""])

    def _reply(self) -> Reply:
        response = self._connection.getresponse()
        return Reply(status=response.status, headers=response.headers, content=response.read())


class Connection:
    """One socket, on which a test may stop reading or hang up at any point."""

    def __init__(self, port: int, key: str, *, receive_buffer: int = 0, timeout: float = SECONDS) -> None:
        self._key = key
        self._sock = socket.socket()
        if receive_buffer:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._sock.settimeout(timeout)
        self._sock.connect(("127.0.0.1", port))
        self._ahead = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._sock.close()

    @property
    def local_port(self) -> int:
        """The port of the client's end."""
        port: int = self._sock.getsockname()[1]
        return port

    def send(self, data: bytes) -> None:
        """These bytes and no others."""
        self._sock.sendall(data)

    def drip(self, *, to_end: bool = False) -> None:
        """Send a byte every tenth of a second until something arrives; with `to_end`, until the server hangs up."""
        end = time.monotonic() + SECONDS
        with contextlib.suppress(ConnectionError):
            while to_end or not self._has_news():
                assert time.monotonic() < end, "the server still takes every byte"
                if self._has_news(0.1) and to_end and not self._sock.recv(65536):
                    return
                self._sock.send(b" ")

    def _has_news(self, seconds: float = 0) -> bool:
        return bool(select.select([self._sock], [], [], seconds)[0])

    def is_held_by_server(self) -> bool:
        """True while the server's side of this connection is open, as the system sees it. Linux, IPv4."""
        client, server = (_hexadecimal(sock) for sock in (self._sock.getsockname(), self._sock.getpeername()))
        connections = [line.split()[1:4] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return [server, client, _ESTABLISHED] in connections

    def post(self, request_id: str, headers: dict[str, str] | None = None, **fields: Any) -> Self:
        """Send a call; the other methods read the answer."""
        content = json.dumps(body_of(**fields)).encode()
        return self._post(content, {"Content-Length": str(len(content)), "X-Request-Id": request_id} | (headers or {}))

    def post_chunked(self, request_id: str, chunks: bytes) -> Self:
        """Send a call whose body is in chunks."""
        return self._post(chunks, {"Transfer-Encoding": "chunked", "X-Request-Id": request_id})

    def _post(self, content: bytes, headers: dict[str, str]) -> Self:
        usual = {"Host": "127.0.0.1", "Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        lines = usual | {"Connection": "close"} | headers
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.send(f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + content)
        return self

    def receive(self, most: int = 65536) -> bytes:
        """What has arrived, or what arrives next; empty at the end of the connection."""
        if self._ahead:
            data, self._ahead = self._ahead[:most], self._ahead[most:]
            return data
        return self._sock.recv(most)

    def read_until(self, mark: bytes) -> bytes:
        """Everything up to and including the mark; keeps the rest. Fails if the connection ends first."""
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

    def read_reply(self) -> Reply:
        """The next whole answer."""
        assert not self._ahead
        response = http.client.HTTPResponse(self._sock)
        response.begin()
        return Reply(status=response.status, headers=response.headers, content=response.read())

    def read_rest(self) -> bytes:
        """Everything to the end of the connection."""
        while data := self._sock.recv(65536):
            self._ahead += data
        return self._taken()

    def read_to(self, end: float) -> tuple[bytes, bool]:
        """Everything until this time of the monotonic clock, and whether the connection has ended by then."""
        while (left := end - time.monotonic()) > 0:
            self._sock.settimeout(left)
            try:
                data = self._sock.recv(65536)
            except TimeoutError:
                break
            except ConnectionError:
                data = b""
            if not data:
                return self._taken(), True
            self._ahead += data
        return self._taken(), False

    def _taken(self) -> bytes:
        rest, self._ahead = self._ahead, b""
        return rest

    def read_for(self, seconds: float) -> None:
        """Read, and forget, what arrives within this time."""
        end = time.monotonic() + seconds
        with contextlib.suppress(TimeoutError):
            while (left := end - time.monotonic()) > 0:
                self._sock.settimeout(left)
                if not self._sock.recv(65536):
                    return


def _hexadecimal(address: tuple[str, int]) -> str:
    """As /proc/net/tcp writes it."""
    host = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{host:08X}:{address[1]:04X}"
