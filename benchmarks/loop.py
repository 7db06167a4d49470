"""The event loop of the mock upstream and the load generator: uvloop if it is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

try:
    import uvloop
except ImportError:
    NAME = "asyncio"

    def run(main: Coroutine[Any, Any, T]) -> T:
        """Run it on the standard loop."""
        return asyncio.run(main)
else:
    NAME = "uvloop"

    def run(main: Coroutine[Any, Any, T]) -> T:
        """Run it on uvloop."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main)
