"""One row: start everything, attack, and judge."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Self

from benchmarks.hostile.attacks import Target
from benchmarks.hostile.rows import Row
from benchmarks.processes import ROOT
from tests.support.serving import Host, Server, serve

FROZEN_MS: Final = 100.0
PEAK_MB: Final = 300.0
VICTIM_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Result:
    """One line of the table."""

    name: str
    frozen_ms: float
    peak_mb: float
    victim_seconds: float
    faults: list[str]
    refusals: list[str] = field(default_factory=list)
    """The first failed calls of the victim, which were repeated."""

    @property
    def verdict(self) -> str:
        """ "ok", or all that fails."""
        found = ["frozen"] * (self.frozen_ms > FROZEN_MS) + ["peak"] * (self.peak_mb > PEAK_MB)
        found += ["victim"] * (self.victim_seconds > VICTIM_SECONDS)
        return ", ".join([*found, *self.faults]) or "ok"

    def line(self) -> str:
        """In Markdown."""
        figures = f"{self.frozen_ms:,.0f} | {self.peak_mb:,.0f} | {self.victim_seconds:.2f}"
        return f"| {self.name} | {figures} | {self.verdict} |"


class PeakMemory:
    """The most memory that a worker of the server has held, in bytes, and which workers there were."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.workers: set[int] = set()
        self.bytes = 0

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            self._look()

    def _look(self) -> None:
        for worker in self._server.worker_ids():
            self.workers.add(worker)
            with contextlib.suppress(OSError):  # it has ended
                status = Path(f"/proc/{worker}/status").read_text()
                if found := re.search(r"^VmHWM:\s+(\d+)", status, re.MULTILINE):
                    self.bytes = max(self.bytes, int(found[1]) * 1024)


def run(row: Row, host: Host, keys: list[str]) -> Result:
    """On its own server."""
    with module("benchmarks.hostile.upstream", row.upstream) as hostile:
        env = host.env | {"HOSTILE_BASE_URL": _line(hostile)}
        with serve("gevent", env=env) as server, PeakMemory(server) as memory:
            try:
                seen, faults = _attack(row, server, keys)
            finally:
                with contextlib.suppress(ProcessLookupError):  # attacked, it would take long to stop
                    os.killpg(server.process.pid, signal.SIGKILL)
    if len(memory.workers) > 1:
        faults.append("worker killed")
    return Result(
        name=row.name,
        frozen_ms=seen["frozen_seconds"] * 1000,
        peak_mb=memory.bytes / 1e6,
        victim_seconds=seen["victim_seconds"],
        faults=faults,
        refusals=seen["victim_faults"],
    )


def _attack(row: Row, server: Server, keys: list[str]) -> tuple[dict[str, Any], list[str]]:
    worker = str(server.worker_ids()[0])
    with module("benchmarks.hostile.observer", str(server.port), keys[1], worker) as observer:
        _line(observer)
        target = Target(port=server.port, keys=keys, seconds=row.seconds)
        row.attack(target)
        time.sleep(0.2)
        assert observer.stdin is not None
        observer.stdin.close()
        seen: dict[str, Any] = json.loads(_line(observer))
    if target.faults:
        target.faults[:] = [f"{len(target.faults)} wrong answers"]
    return seen, target.faults


@contextlib.contextmanager
def module(name: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A module of ours in a separate process."""
    command = [sys.executable, "-m", name, *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    """The next line of its output; raises `RuntimeError` if it ends before."""
    output: IO[str] | None = process.stdout
    if output is None or not (line := output.readline().strip()):
        raise RuntimeError(f"{process.args!r} said nothing")
    return line


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """For all rows."""
    with tempfile.TemporaryDirectory(prefix="threadless-hostile-") as name:
        yield Path(name)
