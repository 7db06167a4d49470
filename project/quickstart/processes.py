"""The side processes of a demo. Each has a log, and all are stopped together in every case."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from project.quickstart import places

_STOP_SECONDS: Final = 10.0
_WATCH_EVERY_SECONDS: Final = 0.5
_ENDING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DidNotStart(Exception):
    """A process ended, or did not become ready in time. The message is the end of its log."""


class Process:
    """One running side process."""

    def __init__(self, name: str, popen: subprocess.Popen[str], log: Path) -> None:
        self.name, self.popen, self.log = name, popen, log

    @property
    def is_running(self) -> bool:
        """True until the process has ended."""
        return self.popen.poll() is None

    def read_address(self, seconds: float) -> str:
        """The address that the process prints once it listens. Raises `DidNotStart`."""
        deadline = time.monotonic() + seconds
        stdout = self.popen.stdout
        while stdout is not None and (remaining := deadline - time.monotonic()) > 0:
            if select.select([stdout], [], [], remaining)[0]:
                line = stdout.readline()
                if line.startswith("http"):
                    return line.strip()
                if not line:
                    self._wait(1)
                    break
        raise DidNotStart(self.last_words())

    def last_words(self) -> str:
        """The last non-empty line of the log, for an error message."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if len(line.strip()) > 1]
        return lines[-1] if lines else f"{self.name} wrote nothing (exit status {self.popen.poll()})."

    def stop(self) -> None:
        """Terminate the process, and kill it if it does not end in time."""
        if self.is_running:
            self.popen.terminate()
            if not self._wait(_STOP_SECONDS):
                self.popen.kill()
                self._wait(_STOP_SECONDS)
        if self.popen.stdout is not None:
            self.popen.stdout.close()

    def _wait(self, seconds: float) -> bool:
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


class Processes:
    """All side processes of one demo. They are stopped in reverse order."""

    def __init__(self) -> None:
        self._running: list[Process] = []

    def start(
        self,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        fds: Sequence[int] = (),
    ) -> Process:
        """Run `python -m …` in the project's folder. What it writes to stderr goes to `.local/demo/<name>.log`."""
        places.DEMO.mkdir(parents=True, exist_ok=True)
        log = places.DEMO / f"{name}.log"
        with log.open("w") as stderr:
            popen = subprocess.Popen(  # noqa: S603  (our own modules and a server)
                [sys.executable, "-m", *arguments],
                cwd=places.ROOT,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                pass_fds=fds,
                # Ctrl-C in the terminal reaches only the demo, which then stops its processes in order.
                process_group=0,
            )
        process = Process(name, popen, log)
        self._running.append(process)
        return process

    def check(self) -> None:
        """Raise `DidNotStart` if one of them has ended."""
        for process in self._running:
            if not process.is_running:
                raise DidNotStart(f"{process.name} has ended: {process.last_words()}")

    def wait(self) -> NoReturn:
        """Wait until one of them ends (`DidNotStart`) or a signal arrives."""
        while True:
            self.check()
            time.sleep(_WATCH_EVERY_SECONDS)

    def drop(self, process: Process) -> None:
        """Stop one of them."""
        process.stop()
        self._running.remove(process)

    def stop(self) -> None:
        """Stop all of them."""
        while self._running:
            self.drop(self._running[-1])


@contextmanager
def side_processes() -> Iterator[Processes]:
    """Processes that end with the block, also on Ctrl-C, SIGTERM or a closed terminal."""
    processes = Processes()
    before = [(number, signal.signal(number, _interrupt)) for number in _ENDING_SIGNALS]
    try:
        yield processes
    finally:
        for number in _ENDING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave processes behind
        processes.stop()
        for number, handler in before:
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
