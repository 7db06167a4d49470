"""Clients that take their time, in groups: each function returns when its group has gone."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers.rig import Rig
from tests.support.client import PATH
from threadless.keys.secrets import generate

SLOW = 40
"""Clients of each slow kind."""
SLOW_SECONDS = 6.0
LEAVERS = 200
LEAVING_AT_ONCE = 20
LEAVING_SECONDS = 0.8
"""The longest that one stays."""
STREAMS = 50
_DRIP_SECONDS = 0.25


def slow_uploads(made: Rig, seed: int) -> None:
    """Bodies that come byte by byte, with a good key."""
    _drip(made, _head(made.host.key, 100_000) + b'{"x":"')


def drips_after_401(made: Rig, seed: int) -> None:
    """An invented key, of the right form, gets its 401 at once; the client goes on with its body."""
    _drip(made, _head(generate("harbour"), 30_000_000) + b'{"x":"')


def slow_readers(made: Rig, seed: int) -> Iterator[str]:
    """Plain answers and streams whose client reads nothing; a fault if the server still holds their connections."""
    with ExitStack() as stack:
        ports = set()
        for number in range(SLOW):
            client = stack.enter_context(made.connect(receive_buffer=4096))
            client.post(f"chaos-{seed}-reader-{number}", user="large", stream=bool(number % 2))
            ports.add(client.local_port)
        time.sleep(SLOW_SECONDS)
        if held := held_connections(made.server.port, ports):
            yield f"{held} of {SLOW} connections of clients that do not read are held after {SLOW_SECONDS:.0f} seconds"


def held_connections(server: int, clients: set[int]) -> int:
    """How many connections from these ports to the port of the server belong to one of its processes.

    A connection that was closed with unsent data is the system's alone: `/proc/net/tcp` then has 0 for its inode.
    """
    fields = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ends = [(_port(line[1]), _port(line[2])) for line in fields if line[9] != "0"]
    return sum(local == server and remote in clients for local, remote in ends)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def leavers(made: Rig, seed: int) -> None:
    """Calls of both kinds whose clients leave at a random moment."""
    chance = random.Random(seed)
    moments = [
        (number, chance.choice(["plain", "stream"]), chance.uniform(0, LEAVING_SECONDS)) for number in range(LEAVERS)
    ]

    def call(moment: tuple[int, str, float]) -> None:
        number, behaviour, seconds = moment
        with suppress(OSError), made.connect() as client:
            client.post(f"chaos-{seed}-leaver-{number}", user=behaviour, stream=behaviour == "stream")
            client.read_for(seconds)

    with ThreadPoolExecutor(LEAVING_AT_ONCE) as pool:
        list(pool.map(call, moments))


def while_streaming(made: Rig, seed: int, disturb: Callable[[], None]) -> None:
    """Do something while `STREAMS` streams are under way; then their clients leave."""
    with ExitStack() as stack:
        for number in range(STREAMS):
            client = stack.enter_context(made.connect())
            client.post(f"chaos-{seed}-held-{number}", user="hold", stream=True)
            with suppress(OSError, AssertionError):  # refused
                client.read_until(b"Hello")
        disturb()
        time.sleep(1)


def _drip(made: Rig, start: bytes) -> None:
    address = urlsplit(made.server.base_url)
    end = time.monotonic() + SLOW_SECONDS
    with ExitStack() as stack:
        socks = [
            stack.enter_context(socket.create_connection((address.hostname or "", address.port or 0), 5))
            for _ in range(SLOW)
        ]
        _send(socks, start)
        while time.monotonic() < end:
            time.sleep(_DRIP_SECONDS)
            _send(socks, b"a")


def _send(socks: Sequence[socket.socket], data: bytes) -> None:
    for sock in socks:
        with suppress(OSError):  # the server has hung up
            sock.send(data)


def _head(key: str, length: int) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {key}"]
    lines += ["Content-Type: application/json", f"Content-Length: {length}", "", ""]
    return "\r\n".join(lines).encode()
