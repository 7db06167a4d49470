"""The example host in a process under valgrind's callgrind, which counts the machine instructions of single calls."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.databases import Database, File, Server
from benchmarks.processes import ROOT

_WARM_UP: Final = 60
"""Python adapts its code to what it has seen in these calls."""
_UNCOUNTED: Final = 3
"""The first calls after counting was switched on differ from those that follow."""
_MARK: Final = "getppid"
"""The function of the C library that `benchmarks.inprocess` calls before each counted call, and after the last."""
_SECRET: Final = "always-the-same-length-and-content-so-that-each-process-does-the-same"


class Told(subprocess.Popen[str]):
    """A process of `benchmarks.inprocess` that answers each line with a line."""

    def __init__(self, *arguments: str, env: dict[str, str], tool: tuple[str, ...] = ()) -> None:
        super().__init__(
            [*tool, sys.executable, "-m", "benchmarks.inprocess", *arguments],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, line: str) -> str:
        """Send a line and return the answer to it. Raises `RuntimeError` if the process has ended."""
        assert self.stdin is not None
        self.stdin.write(f"{line}\n")
        self.stdin.flush()
        return self.answer()

    def answer(self) -> str:
        """The next line."""
        assert self.stdout is not None
        if not (line := self.stdout.readline()):
            raise RuntimeError("The example host does not start, or a call failed.")
        return line.rstrip()

    def __exit__(self, *exc: object) -> None:
        self.kill()
        self.communicate()


class Hosts:
    """Processes of the example host for one kind of call, one after the other, on one database."""

    def __init__(self, kind: str, calls: int, database: Database, upstream_url: str) -> None:
        self._kind = kind
        self._calls = calls
        self._database = database
        self._env = {
            **os.environ,
            "PYTHONHASHSEED": "0",
            "UPSTREAM_BASE_URL": f"{upstream_url}/v1",
            "UPSTREAM_API_KEY": "of-the-upstream",
            "UPSTREAM_MODELS": "bench,bench-burst,bench-paced,bench-fail",
            "SECRET_KEY": _SECRET,
        }
        with Told(kind, env={**self._env, "DATABASE_URL": database.url}) as host:
            self._key = host.answer()
            host.ask(str(_WARM_UP))
            self.functions: dict[str, int] = json.loads(host.ask("functions"))
            """Python functions of a call by package."""
            self.queries: list[str] = json.loads(host.ask("queries"))

    def counts(self) -> list[int]:
        """The instructions of several calls in a new process, with a database that has no traces of other processes."""
        with tempfile.TemporaryDirectory(prefix="threadless-bench-") as folder:
            database = self._database.copy(Path(folder))
            try:
                self._count(folder, {**self._env, "DATABASE_URL": database.url})
            finally:
                database.remove()
            # The first dump holds what came before the first of these calls.
            return [_total(Path(folder) / f"out.{number + 2}") for number in range(self._calls)]

    def _count(self, folder: str, env: dict[str, str]) -> None:
        dump = f"--dump-before={_MARK}", f"--callgrind-out-file={folder}/out"
        tool = "valgrind", "--tool=callgrind", "--instr-atstart=no", "--dump-line=no", *dump
        with Told(self._kind, self._key, env=env, tool=tool) as host:
            host.answer()
            host.ask(str(_WARM_UP))
            subprocess.run(["callgrind_control", "--instr=on", str(host.pid)], check=True, capture_output=True)
            host.ask(str(_UNCOUNTED))
            host.ask(f"marked {self._calls}")


def _total(dump: Path) -> int:
    found = re.search(r"^totals: (\d+)", dump.read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError("callgrind did not write a total.")
    return int(found[1])


@contextlib.contextmanager
def hosts(kind: str, calls: int, *, is_on_postgresql: bool) -> Iterator[Hosts]:
    """Hosts on a new database with an upstream of their own."""
    with tempfile.TemporaryDirectory(prefix="threadless-bench-") as folder, _upstream() as url:
        database: Database = Server() if is_on_postgresql else File(Path(folder) / "host.sqlite3")
        try:
            yield Hosts(kind, calls, database, url)
        finally:
            database.remove()


@contextlib.contextmanager
def _upstream() -> Iterator[str]:
    command: list[Any] = [sys.executable, "-m", "benchmarks.upstream"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
