"""`ScriptedUpstream`: an OpenAI upstream on loopback. A test decides each byte of it, and reads what it was asked.

with ScriptedUpstream() as upstream:
    upstream.script(lambda exchange: exchange.answer(completion("Hello")))
    ...
    assert upstream.exchanges[0].body["model"] == "upstream-small"
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.support.bodies import DONE, chunks_of, completion, event

UPSTREAM_KEY = "sk-upstream+secret/0123456789"
"""The key that hosts send to this upstream. Its signs are spelled differently in a URL."""

_PEER_GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class Exchange:
    """One request and the means to answer it. Sending to a peer that has gone raises `ConnectionError`."""

    def __init__(self, sock: socket.socket, headers: Message, raw_body: bytes, connection: int) -> None:
        self.sock = sock
        self.headers = headers
        self.raw_body = raw_body
        self.connection = connection
        """Number of the connection that it came over: equal for two exchanges if the connection was used again."""
        self.closed = threading.Event()
        """Set when the peer has hung up before the script came to its end."""
        self.finished = threading.Event()
        """Set when the script has come to its end."""
        self.sent = 0
        """Bytes that the peer's system has taken."""
        self.ended = False
        self._chunked = False
        self._lock = threading.Lock()

    @property
    def request_id(self) -> str:
        """What came as `X-Request-Id`."""
        return str(self.headers.get("X-Request-Id", ""))

    @property
    def body(self) -> dict[str, Any]:
        """The decoded request."""
        decoded: dict[str, Any] = json.loads(self.raw_body)
        return decoded

    def send(self, data: bytes) -> None:
        """These bytes and no others."""
        try:
            with self._lock:
                self.sock.sendall(data)
        except OSError as error:
            self.closed.set()
            raise ConnectionError("The peer has gone.") from error
        self.sent += len(data)

    def start(
        self,
        status: int = 200,
        content_type: str = "text/event-stream",
        extra_headers: Mapping[str, str] | None = None,
        *,
        chunked: bool = True,
    ) -> None:
        """The head of the answer; with neither `chunked` nor a length the body ends with the connection."""
        self._chunked = chunked
        headers = {"Content-Type": content_type, **(extra_headers or {})}
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def chunk(self, data: bytes) -> None:
        """A piece of the body, framed as `start` announced."""
        self.send(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def event(self, body: dict[str, Any]) -> None:
        """One server-sent event."""
        self.chunk(event(body))

    def end(self) -> None:
        """The body is complete; the connection may be used again if its framing says where it ends."""
        if self._chunked:
            self.send(b"0\r\n\r\n")
        self.ended = True

    def answer(self, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """A whole JSON answer; `body` may be bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.start(status, "application/json", {**(headers or {}), "Content-Length": str(len(data))}, chunked=False)
        self.send(data)
        self.end()

    def stream(self, *bodies: dict[str, Any] | bytes, done: bool = True) -> None:
        """A whole stream: dicts as events, bytes as they are, one piece each."""
        self.start()
        for body in bodies:
            self.chunk(body if isinstance(body, bytes) else event(body))
        if done:
            self.chunk(DONE)
        self.end()

    def cut(self, *, reset: bool = False) -> None:
        """Break the connection, by TCP reset if asked."""
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.close()
            return
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def wait_closed(self, timeout: float) -> bool:
        """True once the peer has hung up; False after `timeout` seconds."""
        return self.closed.wait(timeout)

    def look(self) -> None:
        """Set `closed` if the peer has gone by now."""
        poll = select.poll()
        with contextlib.suppress(OSError, ValueError):
            poll.register(self.sock, _PEER_GONE)
            if poll.poll(0):
                self.closed.set()


Script = Callable[[Exchange], object]


def answer_normally(exchange: Exchange) -> None:
    """What an upstream does: an answer, or a stream whose last chunk has the usage."""
    if not exchange.body.get("stream"):
        exchange.answer(completion())
        return
    asked = (exchange.body.get("stream_options") or {}).get("include_usage")
    exchange.stream(*chunks_of("Hello", " there")[: None if asked else -1])


class _Hangups:
    """Notices peers that hang up while their script does something else."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._exchanges: dict[int, Exchange] = {}
        threading.Thread(target=self._run, name="upstream-hangups", daemon=True).start()

    def add(self, exchange: Exchange) -> None:
        descriptor = exchange.sock.fileno()
        self._exchanges[descriptor] = exchange
        with contextlib.suppress(FileExistsError):
            self._epoll.register(descriptor, 0)
        self._epoll.modify(descriptor, select.EPOLLRDHUP | select.EPOLLONESHOT)

    def discard(self, descriptor: int, exchange: Exchange) -> None:
        if self._exchanges.get(descriptor) is exchange:
            del self._exchanges[descriptor]
            with contextlib.suppress(OSError):
                self._epoll.unregister(descriptor)

    def stop(self) -> None:
        self._epoll.close()

    def _run(self) -> None:
        with contextlib.suppress(ValueError, OSError):  # closed
            while True:
                for descriptor, _ in self._epoll.poll(0.2):
                    if (exchange := self._exchanges.get(descriptor)) is not None:
                        exchange.closed.set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120
    server: _Server
    exchange: Exchange

    def setup(self) -> None:
        super().setup()
        self.number = self.server.upstream.count_connection(self.connection)

    def do_POST(self) -> None:
        raw_body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        exchange = Exchange(self.connection, self.headers, raw_body, self.number)
        descriptor = self.connection.fileno()
        self.server.upstream.hangups.add(exchange)
        self.close_connection = True
        try:
            self.server.upstream.run(exchange)
            self.close_connection = not exchange.ended
        except ConnectionError:
            exchange.closed.set()
        finally:
            exchange.look()
            self.server.upstream.hangups.discard(descriptor, exchange)
            exchange.finished.set()

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024
    upstream: ScriptedUpstream

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Kept for the end of the `with` block, where it fails the test."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            self.upstream.errors.append(error)


class ScriptedUpstream:
    """The server, from `__enter__` to `__exit__`; a script that failed fails the block."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        """Every request so far, oldest first."""
        self.errors: list[BaseException] = []
        self.connections = 0
        self._script: Script = answer_normally
        self._arrived = threading.Condition()
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        self.hangups = _Hangups()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.upstream = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="upstream", daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self.hangups.stop()
        if self.errors and exc_info[1] is None:
            raise self.errors[0]

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    @property
    def base_url(self) -> str:
        """For `UPSTREAM_BASE_URL`."""
        return f"http://127.0.0.1:{self.port}/v1"

    def script(self, script: Script = answer_normally) -> None:
        """Answer with this from now on."""
        self._script = script

    def forget(self) -> None:
        """Back to the default script, without exchanges."""
        self._script = answer_normally
        self.exchanges.clear()

    def wait_for(self, count: int, timeout: float = 10) -> list[Exchange]:
        """The first `count` exchanges, once there are as many."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: len(self.exchanges) >= count, timeout)
        assert arrived, f"{len(self.exchanges)} of {count} requests reached the upstream"
        return self.exchanges[:count]

    def count_connection(self, sock: socket.socket) -> int:
        """One more connection; its number."""
        with self._arrived:
            self._sockets.append(sock)
            self.connections += 1
            return self.connections

    def run(self, exchange: Exchange) -> None:
        """Keep the exchange and run the script on it."""
        with self._arrived:
            self.exchanges.append(exchange)
            self._arrived.notify_all()
        self._script(exchange)
