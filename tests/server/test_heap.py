"""Free memory is returned to the system once a process holds few bytes."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from tests.support.serving import ROOT
from threadless.server.heap import KEPT_BYTES, Trimmer

_FRAGMENTED = """
import re
from pathlib import Path
from threadless.server.heap import trim

def resident_kb():
    return int(re.findall(r"VmRSS:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[0])

blocks = [bytes(100_000) for _ in range(1000)]  # 100 MB, each block below the size that is mapped separately
del blocks[:-1]
before = resident_kb()
trim()
print(before - resident_kb())  # kB
"""
"""The heap cannot shrink, because the last block is in use and lies above the others."""
_BODIES = """
import threading
from django.conf import settings; settings.configure()
from threadless.server.memory import in_flight
in_flight.take(%d)
print(sum(thread.name == "threadless-timeouts" for thread in threading.enumerate()))
"""


def printed(script: str) -> int:
    """The number that a script prints."""
    command = [sys.executable, "-c", script]
    return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc")
def test_free_memory_below_a_block_in_use_is_returned() -> None:
    assert printed(_FRAGMENTED) > 50_000


class Rig:
    """A trimmer with a size and a timer that the test controls."""

    def __init__(self) -> None:
        self.bytes = 0
        self.trimmed = threading.Event()
        self.waiting: list[Callable[[], None]] = []
        self.trimmer = Trimmer(
            lambda: self.bytes,
            call_later=lambda callback, seconds: self.waiting.append(callback),
            trim=self.trimmed.set,
        )

    def time_passes(self) -> None:
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()


def test_heap_is_trimmed_once_few_bytes_are_held() -> None:
    rig = Rig()
    rig.trimmer.trim_later()
    rig.bytes = KEPT_BYTES
    rig.time_passes()
    assert rig.trimmed.wait(10)
    assert not rig.waiting


def test_trim_is_postponed_while_many_bytes_are_held() -> None:
    rig = Rig()
    rig.trimmer.trim_later()
    rig.bytes = KEPT_BYTES + 1
    rig.time_passes()
    assert len(rig.waiting) == 1
    assert not rig.trimmed.is_set()


def test_small_bodies_do_not_start_a_trim() -> None:
    """And so no timer thread."""
    assert printed(_BODIES % KEPT_BYTES) == 0
    assert printed(_BODIES % (KEPT_BYTES + 1)) == 1
