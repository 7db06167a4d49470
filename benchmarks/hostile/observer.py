"""`python -m benchmarks.hostile.observer PORT KEY WORKER`: what an attack does to everybody else.

Sends `GET /health/` every 10 ms, and as the victim one plain call and one stream after the other. Prints "ready" after
the first of each, and at the end of its input the longest waits since then, as JSON. From each wait it deducts the time
that the worker (a process ID) or its own thread was ready to run and had no core: otherwise the figure would say how
busy the machine is.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks import payloads
from benchmarks.hostile import http

_EVERY_SECONDS: Final = 0.01
_VICTIM_PAUSE_SECONDS: Final = 0.1
_AGAIN_SECONDS: Final = 0.05
_TIMEOUT_SECONDS: Final = 90.0
_HEALTH: Final = b"GET /health/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def waits_for_a_core(worker: int) -> Callable[[], float]:
    """A function that gives the seconds that the worker and the calling thread have waited for a core until now."""
    paths = (Path(f"/proc/{worker}/schedstat"), Path("/proc/thread-self/schedstat"))

    def total() -> float:
        try:
            return sum(int(path.read_text().split()[1]) for path in paths) / 1e9
        except OSError:  # the worker was killed, and there is nothing to deduct from that
            return 0.0

    return total


class Series:
    """The same request again and again; the longest time from asking for it to having its answer.

    A request that fails is repeated, and its time goes on: what counts is when the client is served.
    """

    def __init__(
        self,
        port: int,
        request: Callable[[socket.socket], None],
        pause: float,
        delay: Callable[[], float],
    ) -> None:
        self._port = port
        self._request = request
        self._pause = pause
        self._delay = delay
        self._longest = 0.0
        self._asked_at: float | None = None
        self._sock: socket.socket | None = None
        self.faults: list[str] = []
        threading.Thread(target=self._run, daemon=True).start()

    def reset(self) -> None:
        """Forget what was until now."""
        self._longest = 0.0
        self.faults.clear()

    @property
    def longest(self) -> float:
        """Seconds; a request without an answer counts until now."""
        asked_at = self._asked_at
        return max(self._longest, 0.0 if asked_at is None else time.perf_counter() - asked_at)

    def _run(self) -> None:
        while True:
            asked_at, delay = time.perf_counter(), self._delay()
            self._asked_at = asked_at
            while not self._succeeds():
                time.sleep(_AGAIN_SECONDS)
            waited = time.perf_counter() - asked_at - max(0.0, self._delay() - delay)
            self._asked_at = None
            self._longest = max(self._longest, waited)
            time.sleep(max(0.0, self._pause - (time.perf_counter() - asked_at)))

    def _succeeds(self) -> bool:
        try:
            if self._sock is None:
                self._sock = http.connect(self._port)
                self._sock.settimeout(_TIMEOUT_SECONDS)
            self._request(self._sock)
        except (OSError, ValueError) as error:
            self.faults.append(f"{type(error).__name__}: {error}")
            if self._sock is not None:
                self._sock.close()
            self._sock = None
            return False
        return True


def check_health(sock: socket.socket) -> None:
    """Raises `ValueError` if the host is not well."""
    sock.sendall(_HEALTH)
    _check(*http.read_answer(sock), b"ok")


def victim(key: str) -> Callable[[socket.socket], None]:
    """A plain call and a stream in turn."""
    kinds = [(payloads.JSON, payloads.ANSWER.encode().strip()), (payloads.BURST, b"data: [DONE]")]
    turn = [0]

    def request(sock: socket.socket) -> None:
        kind, mark = kinds[turn[0] % 2]
        _check(*http.call(sock, key, payloads.request_body(kind)), mark)
        turn[0] += 1

    return request


def _check(status: int, body: bytes, mark: bytes) -> None:
    if status != 200 or mark not in body:
        raise ValueError(f"{status} {body[:200].decode(errors='replace')}")


def report(health: Series, calls: Series) -> dict[str, Any]:
    """What the row is judged by."""
    return {
        "frozen_seconds": health.longest,
        "victim_seconds": calls.longest,
        "health_faults": health.faults[:3],
        "victim_faults": calls.faults[:3],
    }


def main() -> None:
    port, key, worker = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    delay = waits_for_a_core(worker)
    health = Series(port, check_health, _EVERY_SECONDS, delay)
    calls = Series(port, victim(key), _VICTIM_PAUSE_SECONDS, delay)
    time.sleep(1)
    health.reset()
    calls.reset()
    print("ready", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.read()
    print(json.dumps(report(health, calls)), flush=True)


if __name__ == "__main__":
    main()
