"""A client that does nothing wrong and calls all the time, and the rule of how it must be served."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Self

from tests.support.client import Connection

SERVED_SECONDS = 2.0
DATABASE_OUTAGE = "database outage"
WORKER_KILLED = "worker killed"
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One call. `status` is None if the connection broke; times are those of `time.monotonic`."""

    started: float
    ended: float
    status: int | None
    retry_after: str | None = None
    fault: str = ""
    """What is wrong with the answer, if anything."""

    @property
    def seconds(self) -> float:
        return self.ended - self.started

    @property
    def is_served(self) -> bool:
        return self.status == 200 and not self.fault


@dataclass(frozen=True, kw_only=True)
class Window:
    """A disturbance and its time. `ended` of an outage is the moment at which the service is back."""

    name: str
    started: float
    ended: float


class Victim:
    """Calls in a thread, plain and streamed in turn."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._key = key
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="victim", daemon=True)
        self.attempts: list[Attempt] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        for number in count():
            self.attempts.append(self._call(number))
            if self._stop.wait(_PAUSE_SECONDS):
                return

    def _call(self, number: int) -> Attempt:
        started = time.monotonic()
        fields: dict[str, Any] = {"user": "stream", "stream": True} if number % 2 else {"user": "plain"}
        mark = b"data: [DONE]" if number % 2 else b'"Hello"'
        status: int | None = None
        headers: Any = {}
        body = b""
        try:
            with Connection(self._port, self._key) as client:
                status, headers = client.post(f"chaos-victim-{number}", **fields).read_head()
                body = client.read_rest()
        except (OSError, AssertionError) as error:
            return Attempt(started=started, ended=time.monotonic(), status=None, fault=type(error).__name__)
        fault = "" if status != 200 or mark in body else f"incomplete answer: {body[-200:]!r}"
        retry = headers.get("retry-after")
        return Attempt(started=started, ended=time.monotonic(), status=status, retry_after=retry, fault=fault)


def faults(attempts: Sequence[Attempt], windows: Sequence[Window]) -> Iterator[str]:
    """Each breach of the rule, in words.

    Served within two seconds throughout. While the database is down: 503 with `Retry-After` within two seconds, and
    served again within two seconds of its return. When a worker is killed, one connection may break.
    """
    spared = {id(attempt) for window in windows for attempt in _spared(attempts, window)}
    found: dict[str, list[float]] = {}
    for attempt in attempts:
        if attempt.seconds > SERVED_SECONDS or not (attempt.is_served or id(attempt) in spared):
            found.setdefault(f"{_during(attempt, windows)}: {_outcome(attempt)}", []).append(attempt.seconds)
    for text, seconds in found.items():
        yield f"{text}, {len(seconds)} times, within {max(seconds):.1f} s"


def _spared(attempts: Sequence[Attempt], window: Window) -> Iterator[Attempt]:
    """Attempts that this disturbance excuses for not being served."""
    end = window.ended + SERVED_SECONDS
    inside = [attempt for attempt in attempts if window.started <= attempt.ended <= end]
    if window.name == DATABASE_OUTAGE:
        yield from (attempt for attempt in inside if attempt.status == 503 and attempt.retry_after)
    if window.name == WORKER_KILLED:
        yield from [attempt for attempt in inside if attempt.status is None or attempt.fault][:1]


def _during(attempt: Attempt, windows: Sequence[Window]) -> str:
    for window in windows:
        if window.started <= attempt.ended and attempt.started <= window.ended:
            return window.name
    past = [window for window in windows if window.ended < attempt.started]
    return f"after {past[-1].name}" if past else "before"


def _outcome(attempt: Attempt) -> str:
    words = [str(attempt.status)] if attempt.status else []
    words += ["without Retry-After"] if attempt.status == 503 and not attempt.retry_after else []
    return " ".join([*words, attempt.fault]).strip()
