"""Run by `test_event_loop.py` in a separate process: many asynchronous calls at once, with or without gevent."""

from __future__ import annotations

import sys

if "gevent" in sys.argv:
    from gevent import monkey

    monkey.patch_all()

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

from threadless.backends.event_loop import event_loop

CALLS = 20
all_begun = asyncio.Event()
begun: list[int] = []


async def count(number: int) -> AsyncIterator[int]:
    """Numbers, but not before every call has begun."""
    begun.append(number)
    if len(begun) == CALLS:
        all_begun.set()
    await all_begun.wait()
    for item in range(30):
        yield item


async def resolve() -> Any:
    """What asyncio does in a thread of its executor."""
    return await asyncio.get_running_loop().getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)


def main() -> None:
    results: list[Any] = []

    def run(number: int) -> None:
        results.append(list(event_loop.iterate(count(number))))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(CALLS)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    ticks = 0
    while any(thread.is_alive() for thread in threads) and time.monotonic() - started < 20:
        time.sleep(0.001)
        ticks += 1
    assert results == [list(range(30))] * CALLS, len(results)
    assert ticks
    assert event_loop.run(resolve())
    assert event_loop.run(asyncio.sleep(0.01, "done")) == "done"
    print("good")


main()
