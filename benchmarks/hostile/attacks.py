"""What the attacker does in each row. An attack ends when it is over or `Target.seconds` have passed."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.hostile import http
from benchmarks.hostile.bodies import SIZE
from threadless.keys.secrets import generate

DRIP_SECONDS: Final = 0.5
"""Between two bytes of a slow client."""


@dataclass(kw_only=True)
class Target:
    """The attacked server. `faults` are what the attack itself found to be wrong."""

    port: int
    keys: Sequence[str]
    """The attacker's and the victim's."""
    seconds: float
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.end = time.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """Seconds, never negative."""
        return max(0.0, self.end - time.monotonic())


Attack = Callable[[Target], None]


def no_attack(target: Target) -> None:
    """What the machine itself adds to each row."""
    _ask(target, http.chat(user="nobody"))
    time.sleep(min(3.0, target.left))


def body(make: Callable[[int], bytes]) -> Attack:
    """One large body with a valid key."""

    def attack(target: Target) -> None:
        _ask(target, make(SIZE))

    return attack


def _ask(target: Target, content: bytes) -> None:
    """One call; how it ends does not matter."""
    with contextlib.suppress(OSError, ValueError), http.connect(target.port) as sock:
        sock.settimeout(max(1.0, target.left))
        http.call(sock, target.keys[0], content)


def header_lines(value: bytes) -> Attack:
    """24 MiB of header lines without a key."""

    def attack(target: Target) -> None:
        lines = b"".join(b"X-%d: %b\r\n" % (number, value) for number in range(1000))
        pieces = [lines] * (24 * 2**20 // len(lines) + 1)
        with contextlib.suppress(OSError), http.connect(target.port) as sock:
            for piece in (b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\n" % http.PATH.encode(), *pieces, b"\r\n"):
                sock.settimeout(max(0.01, target.left))
                sock.sendall(piece)
            sock.recv(65536)

    return attack


def slow(count: int, start: Callable[[Target], bytes], drip: bytes) -> Attack:
    """Connections that begin a request and then send one byte every half second."""

    def attack(target: Target) -> None:
        with contextlib.ExitStack() as stack:
            socks = [stack.enter_context(http.connect(target.port)) for _ in range(count)]
            first = start(target)
            _send_all(socks, first)
            while target.left:
                time.sleep(min(DRIP_SECONDS, target.left))
                _send_all(socks, drip)

    return attack


def _send_all(socks: Sequence[socket.socket], data: bytes) -> None:
    for sock in socks:
        with contextlib.suppress(OSError):  # the server may hang up on it
            sock.send(data)


def begin_headers(target: Target) -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " % http.PATH.encode()


def begin_upload(target: Target) -> bytes:
    return http.head(target.keys[0], 10_000)


def invented_key(target: Target) -> bytes:
    """Of the right form, so that the server has to look it up."""
    return http.head(generate("harbour"), 15_000_000)


def uploads_without_an_end(target: Target) -> None:
    """Twenty uploads of 15 MiB that lack the last byte."""
    size = SIZE - 2**20
    content = http.head(target.keys[0], size) + b'{"x":"' + b"a" * (size - 7)

    def upload(_number: int) -> None:
        with contextlib.suppress(OSError), http.connect(target.port) as sock:
            sock.settimeout(max(1.0, target.left))
            sock.sendall(content)
            time.sleep(target.left)

    with ThreadPoolExecutor(20) as uploads:
        list(uploads.map(upload, range(20)))


def never_read(*, is_stream: bool) -> Attack:
    """Forty calls whose clients do not read the answer."""

    def attack(target: Target) -> None:
        content = http.chat(stream=is_stream)
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                sock = stack.enter_context(http.connect(target.port, receive_buffer=4096))
                sock.sendall(http.head(target.keys[0], len(content)) + content)
            time.sleep(target.left)

    return attack


def calls(count: int, **fields: Any) -> Attack:
    """Calls to the hostile upstream, all at once."""

    def attack(target: Target) -> None:
        threads = [threading.Thread(target=_ask, args=(target, http.chat(**fields)), daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(target.left)

    return attack


def two_tenants(target: Target) -> None:
    """Two tenants call in turn; each must get the answer to its own question."""
    for number in range(90):
        name = f"question-{number}"
        with contextlib.suppress(OSError), http.connect(target.port) as sock:
            key = target.keys[number % 2]
            status, text = http.call(sock, key, http.chat(user=name, seed=number // 2))
            if status == 200 and name.encode() not in text:
                target.faults.append(f"{name}: another call's answer")
        time.sleep(0.002 * (number % 4))
        if not target.left:
            return
