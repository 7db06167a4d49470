"""gevent, if the server uses it. Threads, locks and sockets are then greenlets of one event loop (the hub)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import cache
from typing import Any


def is_patched() -> bool:
    """True if gevent has replaced `threading` in this process."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


@cache
def original(module: str, name: str) -> Any:
    """An attribute of a standard module as it was before gevent patched it."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None:
        return getattr(importlib.import_module(module), name)
    return monkey.get_original(module, name)


def when_readable(descriptor: int, callback: Callable[[], None]) -> Any:
    """Run `callback` in a new greenlet each time the descriptor is readable.

    Returns the hub's watcher, which stops when it is garbage-collected.
    """
    gevent: Any = importlib.import_module("gevent")
    readable = 1
    watcher = gevent.get_hub().loop.io(descriptor, readable)
    watcher.start(lambda: gevent.spawn_raw(callback))
    return watcher
