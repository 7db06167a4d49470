"""Asynchronous code of hosts, run from synchronous calls."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from threadless.backends.event_loop import event_loop
from threadless.backends.lifetime import Lifetime, current
from threadless.exceptions import Cancelled

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mode", ["threads", "gevent"])
def test_many_calls_run_at_once(mode: str) -> None:
    command = [sys.executable, "-m", "tests.backends.async_calls", mode]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "good\n", done.stderr


def test_all_calls_share_one_loop_so_that_clients_keep_their_connections() -> None:
    async def loop() -> Any:
        return asyncio.get_running_loop()

    assert event_loop.run(loop()) is event_loop.run(loop())


def test_exception_reaches_the_call() -> None:
    async def fail() -> AsyncIterator[int]:
        yield 1
        raise KeyError("of the host")

    items = event_loop.iterate(fail())
    assert next(items) == 1
    with pytest.raises(KeyError):
        next(items)


class Source:
    """Says when it waits, and when it was closed."""

    def __init__(self) -> None:
        self.waits, self.closed = threading.Event(), threading.Event()
        self.taken = 0

    async def items(self) -> AsyncIterator[int]:
        try:
            yield 1
            self.waits.set()
            await asyncio.sleep(3600)
        finally:
            self.closed.set()

    async def many(self) -> AsyncIterator[int]:
        for _ in range(1000):
            self.taken += 1
            yield self.taken


def test_cancelled_call_wakes_up_although_its_source_waits() -> None:
    source, lifetime = Source(), Lifetime(60)
    with lifetime.active():
        items = event_loop.iterate(source.items())
        assert next(items) == 1
        assert source.waits.wait(10)
        lifetime.cancel()
        with pytest.raises(Cancelled):
            next(items)
    assert source.closed.is_set()


def test_iterator_that_is_closed_closes_its_source() -> None:
    source = Source()
    items: Any = event_loop.iterate(source.items())
    assert next(items) == 1
    items.close()
    assert source.closed.is_set()


def test_source_does_not_run_far_ahead() -> None:
    source = Source()
    items: Any = event_loop.iterate(source.many())
    assert [next(items) for _ in range(5)] == [1, 2, 3, 4, 5]
    assert source.taken < 20
    items.close()


def test_lifetime_of_the_call_is_known_within_asynchronous_code() -> None:
    async def inside() -> Any:
        return current()

    lifetime = Lifetime(60)
    with lifetime.active():
        assert event_loop.run(inside()) is lifetime
