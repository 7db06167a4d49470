"""`python -m benchmarks.instructions`: machine instructions per call, compared with recorded figures.

Counted by valgrind's callgrind within one process: a number of calls, twice as many calls, and the difference. Of
several counts the lowest counts, so that other load of the machine does not matter. `--record` stores the figures of
this Python and Django. Not for CI: a new release of any dependency changes the figures, and each kind of call takes a
minute.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import django

from benchmarks import inprocess
from benchmarks.databases import Database, File, Server
from benchmarks.processes import ROOT

RESULTS: Final = ROOT / "benchmarks" / "results" / "instructions.json"
_WARM_UP: Final = 30
_CALLS: Final = {"large": 10, "agent": 5, "burst": 5, "agent-stream": 5}
_CALLS_OTHERWISE: Final = 20
_REPEATS: Final = 5
_TOLERANCE_PERCENT: Final = 1.0


class Counted:
    """The example host in a process under callgrind."""

    def __init__(self, kind: str, folder: Path, env: dict[str, str]) -> None:
        self._folder = folder
        self._dumps = 0
        tool = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out"]
        self._popen = subprocess.Popen(
            [*tool, sys.executable, "-m", "benchmarks.inprocess", kind],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._expect("ready")

    def ask(self, line: str) -> str:
        """Send a line and return the answer to it."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._popen.stdin.write(f"{line}\n")
        self._popen.stdin.flush()
        return self._popen.stdout.readline().rstrip()

    def instructions(self, calls: int) -> int:
        """Instructions of this many calls, including the reading of the command."""
        self.control("--zero")
        if self.ask(str(calls)) != "done":
            raise RuntimeError("A call failed.")
        self._dumps += 1
        self.control("--dump=calls")
        text = (self._folder / f"out.{self._dumps}").read_text()
        found = re.search(r"^totals: (\d+)", text, re.MULTILINE)
        if found is None:
            raise RuntimeError("callgrind did not write a total.")
        return int(found[1])

    def control(self, option: str) -> None:
        """Switch counting on or off."""
        command = ["callgrind_control", option, str(self._popen.pid)]
        subprocess.run(command, check=True, capture_output=True)

    def close(self) -> None:
        """Stop the process."""
        self._popen.kill()
        self._popen.communicate()

    def _expect(self, word: str) -> None:
        assert self._popen.stdout is not None
        if self._popen.stdout.readline().rstrip() != word:
            raise RuntimeError("The example host did not start.")


def count(kind: str, *, is_on_postgresql: bool) -> dict[str, Any]:
    """Instructions per call and their spread, Python functions by package, and the number of queries."""
    calls = _CALLS.get(kind, _CALLS_OTHERWISE)
    with _counted(kind, is_on_postgresql) as host:
        host.ask(str(_WARM_UP))
        functions = json.loads(host.ask("functions"))
        queries = json.loads(host.ask("queries"))
        host.control("--instr=on")
        host.instructions(calls)
        several = sorted(host.instructions(2 * calls) for _ in range(_REPEATS))
        fewer = min(host.instructions(calls) for _ in range(_REPEATS))
    # A busy machine only adds instructions, those of threads that wait. So the lowest counts are the true ones.
    each = (several[0] - fewer) / calls
    spread = 100 * (several[1] - several[0]) / several[0]
    told = {"instructions": round(each), "spread_percent": round(spread, 2)}
    return told | {"functions": functions, "queries": len(queries)}


@contextlib.contextmanager
def _counted(kind: str, is_on_postgresql: bool) -> Iterator[Counted]:
    with tempfile.TemporaryDirectory(prefix="threadless-bench-") as folder:
        database: Database = Server() if is_on_postgresql else File(Path(folder) / "host.sqlite3")
        upstream = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.upstream"], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert upstream.stdout is not None
        env = {
            **os.environ,
            "PYTHONHASHSEED": "0",
            "UPSTREAM_BASE_URL": f"{upstream.stdout.readline().strip()}/v1",
            "UPSTREAM_API_KEY": "of-the-upstream",
            "UPSTREAM_MODELS": "bench,bench-burst,bench-paced,bench-fail",
            "DATABASE_URL": database.url,
            "SECRET_KEY": secrets.token_hex(32),
        }
        host = Counted(kind, Path(folder), env)
        try:
            yield host
        finally:
            host.close()
            upstream.terminate()
            upstream.communicate()
            database.remove()


def compare(kind: str, now: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """A line for each figure that grew by more than its spread; empty if none did."""
    tolerance = max(_TOLERANCE_PERCENT, 2 * before["spread_percent"], 2 * now["spread_percent"])
    growth = 100 * (now["instructions"] / before["instructions"] - 1)
    grown = []
    if growth > tolerance:
        grown.append(f"{kind}: {growth:+.1f} % instructions ({before['instructions']:,} → {now['instructions']:,})")
        for package, number in now["functions"].items():
            if number > (earlier := before["functions"].get(package, 0)):
                grown.append(f"  functions of {package}: {earlier} → {number}")
    if now["queries"] > before["queries"]:
        grown.append(f"{kind}: {before['queries']} → {now['queries']} queries")
    return grown


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--record", action="store_true", help="store the figures")
    parser.add_argument("--kind", nargs="+", choices=inprocess.KINDS, default=list(inprocess.KINDS))
    parser.add_argument("--postgresql", action="store_true", help="use PostgreSQL instead of SQLite")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # stop the processes together with the run
    python = ".".join(platform.python_version_tuple()[:2])
    version = f"Python {python}, Django {django.VERSION[0]}.{django.VERSION[1]}"
    version += ", PostgreSQL" if given.postgresql else ""
    recorded: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known = recorded.setdefault(version, {})
    grown: list[str] = []
    for kind in given.kind:
        now = count(kind, is_on_postgresql=given.postgresql)
        print(f"{kind:20} {now['instructions']:>12,} instructions, spread {now['spread_percent']} %", flush=True)
        grown += compare(kind, now, known[kind]) if kind in known else []
        known[kind] = now
    print("\n".join(grown) or f"Nothing grew ({version}).")
    if given.record:
        RESULTS.write_text(json.dumps(recorded, indent=1) + "\n")
    sys.exit(bool(grown) and not given.record)


if __name__ == "__main__":
    main()
