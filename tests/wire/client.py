"""A client without manners: plain HTTP over one connection, or whatever bytes a test makes up."""

from __future__ import annotations

import http.client
import io
import json
import socket
from dataclasses import dataclass
from email.message import Message
from typing import Any, Self

PATH = "/api/v1/chat/completions"
ERROR_KEYS = {"message", "type", "param", "code"}


def body_of(content: Any = "Hi", **fields: Any) -> dict[str, Any]:
    """The smallest request, and these fields."""
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
        """The `error` of a body that must be one in the OpenAI form."""
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
        blocks = [block for block in text[:-2].split("\n\n") if not block.startswith(": ")]
        assert all(block.startswith("data: ") and "\n" not in block for block in blocks), text
        return [block.removeprefix("data: ") for block in blocks]

    @property
    def chunks(self) -> list[dict[str, Any]]:
        """The chunks of a stream that ended well."""
        *events, last = self.events
        assert last == "[DONE]"
        assert "[DONE]" not in events
        chunks: list[dict[str, Any]] = [json.loads(event) for event in events]
        return chunks

    @property
    def text(self) -> str:
        """What the first choice says in a stream."""
        deltas = [choice["delta"] for chunk in self.chunks for choice in chunk["choices"] if choice["index"] == 0]
        return "".join(delta.get("content") or "" for delta in deltas)


class Client:
    """Asks one server with one key."""

    def __init__(self, port: int, key: str) -> None:
        self.port = port
        self.key = key
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._connection.close()

    def post(self, body: Any = None, path: str = PATH, *, method: str = "POST", **headers: str) -> Reply:
        """Send JSON, or bytes as they are; header names with underscores for dashes."""
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

    def _reply(self) -> Reply:
        response = self._connection.getresponse()
        return Reply(status=response.status, headers=response.headers, content=response.read())

    def raw(self, data: bytes, *, timeout: float = 15) -> Reply:
        """Send these bytes over a connection of their own and read one answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as sock:
            sock.sendall(data)
            return read_reply(sock)

    def head(self, *lines: str | bytes, key: str | None = None, method: str = "POST") -> bytes:
        """The head of a request with the usual lines and these."""
        token = self.key if key is None else key
        usual = [f"{method} {PATH} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
        encoded = [line if isinstance(line, bytes) else line.encode("latin-1") for line in (*usual, *lines)]
        return b"\r\n".join([*encoded, b"", b""])


def read_reply(sock: socket.socket) -> Reply:
    """The next whole answer on this connection."""
    response = http.client.HTTPResponse(sock)
    response.begin()
    return Reply(status=response.status, headers=response.headers, content=response.read())


def parse_reply(data: bytes) -> Reply:
    """An answer from its bytes."""

    class Bytes:
        def makefile(self, mode: str) -> io.BytesIO:
            return io.BytesIO(data)

    return read_reply(Bytes())  # type: ignore[arg-type]
