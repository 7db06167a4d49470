"""`python -m benchmarks.hot_budget`: throughput of 32 parallel calls that one budget pays, and without a budget.

Two processes of sixteen threads make JSON calls through the WSGI application in a closed loop, on SQLite, PostgreSQL
and MariaDB. All wait for the same row of the budget. Writes `benchmarks/results/hot_budget.md`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import django

from benchmarks.processes import ROOT

RESULTS: Final = ROOT / "benchmarks" / "results" / "hot_budget.md"
PROCESSES, THREADS = 2, 16
DATABASES: Final = {
    "SQLite": "sqlite:///{folder}/host.sqlite3",
    "PostgreSQL": "postgres://postgres@127.0.0.1:5432/{name}",
    "MariaDB": "mysql://root@127.0.0.1:3306/{name}",
}
_PAGE: Final = """\
# One budget row and many calls

32 parallel JSON calls ({processes} processes of {threads} threads, closed loop, {rounds} rounds of {seconds} s each),
all paid by one budget, against the same calls without a budget. Clients, database and upstream share {cores} cores.
After each round the budget had spent exactly the tokens of the rows, and reserved nothing.

Written by `python -m benchmarks.hot_budget`: Python {python}, Django {django}.

| database | calls/s without a budget | calls/s with one | ratio |
|---|---|---|---|
{lines}
"""


_CHECK: Final = """
import django
django.setup()
from django.db.models import F, Sum
from threadless.budgets.models import Counter
from threadless.usage.models import UsageRecord
counter, tokens = Counter.objects.get(), F("prompt_tokens") + F("completion_tokens")
paid = UsageRecord.objects.filter(hook_state__contains=f'"{counter.pk}').aggregate(sum=Sum(tokens))["sum"]
assert (counter.spent, counter.reserved) == (paid, 0), (counter.spent, counter.reserved, paid)
"""
"""Run after each round with a budget: its counter agrees with the rows."""


def work(kind: str, key: str, seconds: float) -> None:
    """One process: prints "ready", waits for a line, and prints its number of calls."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    django.setup()
    from django.core.handlers.wsgi import WSGIHandler
    from django.db import connections

    from benchmarks import inprocess
    from benchmarks.verify import fault

    application, calls, faults = WSGIHandler(), [0] * THREADS, list[str]()
    go = threading.Event()

    def run(number: int) -> None:
        go.wait()
        while time.monotonic() < end:
            if found := fault(kind, inprocess.call(application, kind, key)):
                faults.append(found)
            calls[number] += 1
        connections.close_all()

    end = 0.0
    threads = [threading.Thread(target=run, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + seconds
    go.set()
    for thread in threads:
        thread.join()
    print(json.dumps({"calls": sum(calls), "faults": faults[:3]}), flush=True)


@contextlib.contextmanager
def host(template: str) -> Iterator[tuple[dict[str, str], str]]:
    """The environment of the example host on a new database with an upstream, and a key."""
    name = f"threadless_bench_{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory(prefix="threadless-bench-") as folder:
        command = [sys.executable, "-m", "benchmarks.upstream"]
        upstream = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert upstream.stdout is not None
        env = {
            **os.environ,
            "UPSTREAM_BASE_URL": f"{upstream.stdout.readline().strip()}/v1",
            "UPSTREAM_API_KEY": "of-the-upstream",
            "UPSTREAM_MODELS": "bench",
            "DATABASE_URL": template.format(folder=folder, name=name),
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "SECRET_KEY": secrets.token_hex(32),
        }
        server = not template.startswith("sqlite")
        try:
            if server:
                _on_server(template, f"CREATE DATABASE {name}")
            yield env, _run(env, "-m", "tests.support.prepare_host").split()[-1]
        finally:
            upstream.terminate()
            upstream.communicate()
            if server:
                _on_server(template, f"DROP DATABASE {name}")


def _on_server(template: str, sql: str) -> None:
    """Run a statement outside of the measured database."""
    if template.startswith("mysql"):
        import MySQLdb

        connection: Any = MySQLdb.connect(host="127.0.0.1", user="root")
        connection.cursor().execute(sql)
        connection.close()
        return
    import psycopg

    with psycopg.connect(template.format(name="postgres"), autocommit=True) as postgresql:
        postgresql.execute(sql + (" WITH (FORCE)" if sql.startswith("DROP") else ""))


def _run(env: dict[str, str], *command: str) -> str:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=env, check=True, capture_output=True, text=True
    ).stdout


def throughput(env: dict[str, str], key: str, seconds: float) -> float:
    """Calls per second of all processes together."""
    command = [sys.executable, "-m", "benchmarks.hot_budget", "--work", key, "--seconds", str(seconds)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers: list[Any] = [subprocess.Popen(command, cwd=ROOT, env=env, **pipes) for _ in range(PROCESSES)]
    for worker in workers:
        if worker.stdout.readline() != "ready\n":
            raise RuntimeError("A process did not start.")
    answers = [json.loads(worker.communicate("go\n")[0]) for worker in workers]
    if faults := [fault for answer in answers for fault in answer["faults"]]:
        raise RuntimeError(f"Calls failed: {faults}")
    return float(sum(answer["calls"] for answer in answers) / seconds)


def measure(template: str, rounds: int, seconds: float) -> tuple[float, float]:
    """Calls per second without and with a budget: the medians of rounds in turn."""
    budget = ("--platform", "--unit", "tokens", "--period", "total")
    found: dict[bool, list[float]] = {False: [], True: []}
    with host(template) as (env, key):
        for _ in range(rounds):
            for has_budget, numbers in found.items():
                if has_budget:
                    _run(env, "manage.py", "threadless_budget", "set", *budget, "--limit", str(10**15))
                numbers.append(throughput(env, key, seconds))
                if has_budget:
                    _run(env, "-c", _CHECK)
                    _run(env, "manage.py", "threadless_budget", "delete", *budget)
    return statistics.median(found[False]), statistics.median(found[True])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hot_budget", description=__doc__)
    parser.add_argument("--work", metavar="KEY", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", nargs="+", choices=DATABASES, default=list(DATABASES))
    given = parser.parse_args()
    if given.work:
        work("json", given.work, given.seconds)
        return
    lines = []
    for name in given.only:
        without, with_one = measure(DATABASES[name], given.rounds, given.seconds)
        lines.append(f"| {name} | {without:.0f} | {with_one:.0f} | {with_one / without:.2f} |")
        print(lines[-1], flush=True)
    if given.only == list(DATABASES):
        told = {"rounds": given.rounds, "seconds": f"{given.seconds:g}", "cores": os.cpu_count()}
        page = _PAGE.format(
            processes=PROCESSES,
            threads=THREADS,
            python=platform.python_version(),
            django=django.get_version(),
            lines="\n".join(lines),
            **told,
        )
        RESULTS.write_text(page)


if __name__ == "__main__":
    main()
