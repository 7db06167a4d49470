"""Resources of a server's processes, read from `/proc`: CPU, memory, threads, sockets, database files."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

ROOT: Final = Path(__file__).resolve().parent.parent
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "threadless-benchmarks"
"""What is installed once per machine."""
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_START_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 10.0


@dataclass(frozen=True, kw_only=True)
class Process:
    """A started process, the leader of its own group."""

    popen: subprocess.Popen[bytes]
    log: Path

    def tree(self) -> list[int]:
        """Its process id and those of all its descendants."""
        children: dict[int, list[int]] = {}
        for pid, fields in _all_stats():
            children.setdefault(int(fields[1]), []).append(pid)
        found = [self.popen.pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    def cpu_seconds(self) -> float:
        """User and system time of the whole tree in seconds, including children that have ended."""
        wanted = set(self.tree())
        return sum(sum(map(int, fields[11:15])) for pid, fields in _all_stats() if pid in wanted) / _TICKS

    def rss_bytes(self) -> int:
        """Resident memory, summed over the tree. Shared pages are counted for each process."""
        return sum(_status(pid, "VmRSS") * 1024 for pid in self.tree())

    def largest_rss_bytes(self) -> int:
        """Resident memory of the largest process of the tree, which is a worker."""
        return max(_status(pid, "VmRSS") * 1024 for pid in self.tree())

    def threads(self) -> int:
        """The number of threads of the tree."""
        return sum(_status(pid, "Threads") for pid in self.tree())

    def open_files(self) -> list[str]:
        """The targets of all file descriptors of the tree."""
        return [target for pid in self.tree() for target in _descriptors(pid)]

    def pause(self) -> None:
        """Stop the whole group until `resume`, so that it uses no CPU while another server is measured."""
        self._signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the group continue."""
        self._signal_group(signal.SIGCONT)

    def stop(self) -> None:
        """Terminate the process, then kill its group."""
        self.popen.send_signal(signal.SIGTERM)
        self.resume()  # a paused process does not receive the signal
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(_STOP_SECONDS)
        self._signal_group(signal.SIGKILL)
        self.popen.wait()

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)


def start(command: Sequence[str], *, env: Mapping[str, str], log: Path) -> Process:
    """Start a process in the root of the repository, with its output in a file."""
    with log.open("ab") as output:
        popen = subprocess.Popen(
            list(command), cwd=ROOT, env=dict(env), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    return Process(popen=popen, log=log)


def wait_for(process: Process, is_ready: Callable[[], bool]) -> None:
    """Wait until it is ready. Raises `RuntimeError` with its output if it ends first, or takes too long."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.popen.poll() is None:
        if is_ready():
            return
        time.sleep(0.1)
    raise RuntimeError(f"The process did not start:\n{process.log.read_text(errors='replace')[-4000:]}")


def reason(error: Exception) -> str:
    """Why something did not start, on one line."""
    if isinstance(error, subprocess.CalledProcessError):
        written = f"{error.stderr or ''}".strip().splitlines()
        return written[-1] if written else f"{Path(error.cmd[0]).name} ended with {error.returncode}"
    lines = str(error).splitlines()
    return lines[0] if len(lines) < 2 else f"{lines[0]} {lines[-1]}"


def busy_seconds() -> float:
    """The CPU time that the whole machine has used since it started."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq = map(int, fields[:7])
    return (user + nice + system + irq + softirq) / _TICKS


def free_port() -> int:
    """A free port on loopback."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Sampler:
    """Samples a process four times per second during a run and keeps the maximum."""

    def __init__(self, process: Process, connections: Callable[[], int]) -> None:
        self._process = process
        self._connections = connections
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.peak_rss = self.peak_threads = self.peak_connections = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
        self._sample()

    def _run(self) -> None:
        while not self._stop.wait(0.25):
            self._sample()

    def _sample(self) -> None:
        self.peak_rss = max(self.peak_rss, self._process.rss_bytes())
        self.peak_threads = max(self.peak_threads, self._process.threads())
        self.peak_connections = max(self.peak_connections, self._connections())


def _all_stats() -> Iterator[tuple[int, list[str]]]:
    """The process id and the fields of `stat` after the name, of every process."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # the process has ended
            yield int(path.parent.name), path.read_text().rpartition(")")[2].split()


def _status(pid: int, name: str) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _descriptors(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for entry in list(Path(f"/proc/{pid}/fd").iterdir()):
            with contextlib.suppress(OSError):
                yield str(entry.readlink())
