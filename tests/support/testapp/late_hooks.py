"""Ledger hooks that take no part in ordinary calls."""

from __future__ import annotations

import threading
from typing import ClassVar

from threadless.usage.base import Entry, Outcome
from threadless.usage.hooks import LedgerHook


class LateHook(LedgerHook):
    """Notes what it was called for."""

    name = "late"
    only_late = True
    settled: ClassVar[list[int]] = []
    sweeps: ClassVar[list[str]] = []
    go_on: ClassVar[threading.Event] = threading.Event()
    has_swept: ClassVar[threading.Semaphore] = threading.Semaphore(0)

    def settling(self, using: str, entry: Entry, state: str | None, outcome: Outcome, *, was_interrupted: bool) -> None:
        assert was_interrupted
        self.settled.append(entry.pk)

    def sweeping(self, using: str) -> None:
        self.go_on.wait(20)
        self.sweeps.append(threading.current_thread().name)
        self.has_swept.release()


class FailingHook(LedgerHook):
    """Fails while sweeping, before the other one."""

    name = "failing"
    only_late = True

    def sweeping(self, using: str) -> None:
        raise ValueError("a mistake")
