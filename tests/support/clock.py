"""A clock for tests, in seconds, and a `time.sleep` that does not wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest


class Clock:
    """Time that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def replace_sleep(monkeypatch: pytest.MonkeyPatch, sleep: Callable[[float], object]) -> None:
    """Call `sleep` instead of `time.sleep` in this thread, as gevent replaces it. Other threads must not run faster."""
    ours, original = threading.get_ident(), time.sleep
    monkeypatch.setattr(time, "sleep", lambda s: sleep(s) if threading.get_ident() == ours else original(s))
