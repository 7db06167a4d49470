"""`python -m benchmarks.hostile`: every attack on its own server; ends with 1 if any row misses a gate."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from benchmarks import machine
from benchmarks.__main__ import mock_upstream
from benchmarks.hostile import rows, run
from benchmarks.hostile.rows import Row
from benchmarks.hostile.run import FROZEN_MS, PEAK_MB, VICTIM_SECONDS, Result
from benchmarks.processes import ROOT
from tests.servers import postgres
from tests.support.serving import Host, prepared_host

RESULTS: Final = ROOT / "benchmarks" / "results" / "hostile.md"
_HEAD: Final = "| row | frozen ms | peak MB | victim s | verdict |\n|---|---:|---:|---:|---|"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("--rows", nargs="+", metavar="NAME", default=[""], help="rows whose name contains one of these")
    parser.add_argument("--tries", type=int, default=1, help="repeat a row that fails; its best result counts")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers end with the run
    wanted = [row for row in rows.ROWS if any(name in row.name for name in given.rows)]
    print(_HEAD, flush=True)
    found = []
    with prepared() as (host, keys):
        for row in wanted:
            found.append(best(row, host, keys, given.tries))
            print(found[-1].line(), flush=True)
            for refusal in found[-1].refusals:
                print(f"  the victim: {refusal}", file=sys.stderr, flush=True)
    if given.write:
        RESULTS.write_text(page(found, given.tries))
    return int(any(result.verdict != "ok" for result in found))


def best(row: Row, host: Host, keys: list[str], tries: int) -> Result:
    """The first result without a fault, else the one that froze the server for the shortest time."""
    made: list[Result] = []
    while len(made) < tries and (not made or made[-1].verdict != "ok"):
        made.append(run.run(row, host, keys))
    return made[-1] if made[-1].verdict == "ok" else min(made, key=lambda result: result.frozen_ms)


@contextmanager
def prepared() -> Iterator[tuple[Host, list[str]]]:
    """The host on PostgreSQL, whose pool is what slow clients can empty, and the keys of attacker and victim."""
    with run.folder() as folder, mock_upstream(folder) as (_, url), postgres.cluster() as cluster:
        host = prepared_host(
            folder,
            database_url=cluster.database(),
            settings="benchmarks.hostile.settings",
            UPSTREAM_BASE_URL=f"{url}/v1",
            UPSTREAM_API_KEY="of-the-upstream",
            UPSTREAM_MODELS="bench,bench-burst",
            HOSTILE_BASE_URL="http://127.0.0.1:1/v1",
        )
        yield host, [host.key, _key_of_the_victim(host)]


def _key_of_the_victim(host: Host) -> str:
    asked = "create_api_key --user alice --name victim --scope CHATS:WRITE --field organisation=1"
    return host.manage(*asked.split()).split()[-1]


def page(found: list[Result], tries: int) -> str:
    """The committed page."""
    facts = machine.facts()
    failed = sum(result.verdict != "ok" for result in found)
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    return "\n".join(
        [
            "# Hostile clients and upstreams",
            "",
            f"Commit {_commit()}, {facts['date']}: {len(found)} rows, {failed} failed. Written by",
            f"`python -m benchmarks.hostile --tries {tries} --write`.",
            "",
            "Each attack runs on its own server: the example host with its gunicorn configuration and one",
            "gevent worker, on PostgreSQL. *Frozen* is the longest wait of a parallel `GET /health/`, sent every",
            "10 ms; *peak* the most memory that the worker held; *victim* the longest wait of another key's plain call",
            "or stream. No wait counts the time in which the worker or the client was ready to run and had no core.",
            f"A row passes at {FROZEN_MS:.0f} ms, {PEAK_MB:.0f} MB and {VICTIM_SECONDS:.0f} s or less.",
            "",
            _HEAD,
            *(result.line() for result in found),
            "",
            f"{facts['cores']} cores, {facts['memory_gb']} GB, {facts['processor']}, {facts['system']}, load",
            f"{facts['load_average_at_start']} at the end; Python {facts['python']}, {versions}.",
            "",
        ]
    )


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
