"""One run of chaos: calls of every kind while clients leave, a worker is killed and the database stops; then the books.

The promise: every request id that the upstream saw is exactly one row; a row whose id it never saw is failed,
cancelled or interrupted; the tokens of a completed row are those that the upstream reported for its id; no row is
open after a sweep. The counters of the budgets agree with the rows, before and after the sweep.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos import budgets
from tests.chaos.upstream import PLAIN, STREAMED, TOOLS, behave, usage_of
from tests.servers.postgres import Cluster
from tests.servers.rig import Rig, rig
from tests.support.ledger import Row
from tests.support.serving import Host

CALLS = 100
AT_ONCE = 20
LEAVING = 0.3
"""Share of the clients that leave before their answer is whole."""
AWAY_SECONDS = 1.5
_TIMINGS = {"GRACE_SECONDS": 0.3, "PING_SECONDS": 0.3, "STALL_SECONDS": 2}
_POOL = {"min_size": 1, "max_size": 5, "timeout": 1}
_PAST = "2001-01-01 00:00:00+00:00"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one client will do."""

    request_id: str
    behaviour: str
    is_stream: bool
    leaves_after: float | None

    @property
    def fields(self) -> dict[str, Any]:
        """What its request has beyond the messages."""
        tools = {"tools": TOOLS} if self.behaviour.endswith("tools") else {}
        return {"user": self.behaviour, "stream": self.is_stream, **tools}


@dataclass(frozen=True, kw_only=True)
class Books:
    """What both sides hold after a run, and where they differ."""

    seen: Counter[str]
    rows: list[Row]
    faults: list[str] = field(default_factory=list)

    @property
    def states(self) -> Counter[str]:
        """Rows by state."""
        return Counter(row["state"] for row in self.rows)

    @property
    def unseen(self) -> int:
        """Rows whose call never reached the upstream."""
        return sum(row["request_id"] not in self.seen for row in self.rows)


def plans(seed: int) -> Iterator[Plan]:
    """The calls of a run, the same for the same seed."""
    chance = random.Random(seed)
    for number in range(CALLS):
        is_stream = chance.random() < 0.7
        behaviour = chance.choice(list(STREAMED if is_stream else PLAIN))
        # Half of all calls are good ones: there is little to compare in a run of failures.
        if chance.random() < 0.5:
            behaviour = chance.choice(["stream", "stream_tools"] if is_stream else ["plain", "plain_tools"])
        leaves_after = chance.uniform(0, 0.6) if chance.random() < LEAVING else None
        yield Plan(
            request_id=f"chaos-{seed}-{number}", behaviour=behaviour, is_stream=is_stream, leaves_after=leaves_after
        )


def on_postgresql(seed: int, folder: Path, cluster: Cluster, *, kind: str = "gevent", workers: int = 3) -> Books:
    """Several workers; one is killed, and PostgreSQL stops and starts again."""
    with _host(kind, folder, workers, database_url=cluster.database()) as made:
        disturb = {CALLS // 3: lambda: _kill_a_worker(made, seed), 2 * CALLS // 3: lambda: _interrupt(cluster)}
        _play(made, seed, disturb)
        cluster.start_if_stopped()
        made.server.stop(timeout=30)
        return close_the_books(made)


def on_sqlite(seed: int, folder: Path, *, kind: str = "gevent") -> Books:
    """One worker, which is killed."""
    with _host(kind, folder, workers=1) as made:
        _play(made, seed, {CALLS // 2: lambda: _kill_a_worker(made, seed)})
        made.server.stop(timeout=30)
        return close_the_books(made)


@contextmanager
def _host(kind: str, folder: Path, workers: int, database_url: str = "") -> Iterator[Rig]:
    pool = {"POOL": _POOL} if database_url else {}
    with rig(
        kind,
        folder,
        database_url=database_url,
        workers=workers,
        options=["--graceful-timeout", "8"],
        variables={"UPSTREAM_TIMEOUT": "1"},
        prepare=budgets.set_budgets,
        THREADLESS=_TIMINGS | budgets.SETTINGS,
        **pool,
    ) as made:
        made.upstream.script(behave)
        yield made


def _play(made: Rig, seed: int, disturb: dict[int, Callable[[], None]]) -> None:
    """All calls, `AT_ONCE` at a time; a disturbance comes before the call of its number."""
    disturbers = []
    with ThreadPoolExecutor(AT_ONCE) as clients:
        places = threading.Semaphore(AT_ONCE)
        for number, plan in enumerate(plans(seed)):
            places.acquire()
            if number in disturb:
                disturbers.append(threading.Thread(target=disturb[number]))
                disturbers[-1].start()
            clients.submit(call, made, plan).add_done_callback(lambda _: places.release())
    for disturber in disturbers:
        disturber.join()


def call(made: Rig, plan: Plan) -> None:
    # A killed worker and a stopped database show in a client's face; what counts is in the books.
    with suppress(OSError), made.connect() as client:
        client.post(plan.request_id, **plan.fields)
        if plan.leaves_after is None:
            client.read_rest()
        else:
            client.read_for(plan.leaves_after)


def _kill_a_worker(made: Rig, seed: int) -> None:
    victim = random.Random(seed).choice(made.server.worker_ids())
    os.kill(victim, signal.SIGKILL)


def _interrupt(cluster: Cluster) -> None:
    cluster.stop()
    threading.Event().wait(AWAY_SECONDS)
    cluster.start_if_stopped()


def close_the_books(made: Rig) -> Books:
    """Let the deadlines pass, sweep once, and compare."""
    disagreements = budgets.faults_of(made.ledger)
    _pass_deadlines(made.host)
    made.host.manage("threadless_sweep")
    seen = Counter(exchange.request_id for exchange in made.upstream.exchanges)
    found = made.ledger.rows()
    disagreements += budgets.faults_of(made.ledger)
    return Books(seen=seen, rows=found, faults=[*faults(seen, found), *disagreements])


def _pass_deadlines(host: Host) -> None:
    """A quarter of an hour in no time."""
    statement = f"UPDATE threadless_usagerecord SET deadline = '{_PAST}'"
    url = host.env["DATABASE_URL"]
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)) as database, database:
            database.execute(statement.replace("+00:00", ""))
    else:
        with psycopg.connect(url) as connection:
            connection.execute(statement)


def faults(seen: Counter[str], found: list[Row]) -> Iterator[str]:
    """Each breach of the promise, in words."""
    written = Counter(row["request_id"] for row in found)
    yield from (f"{name}: the upstream saw it {times} times" for name, times in seen.items() if times != 1)
    yield from (f"{name}: {written[name]} rows" for name in seen | written if written[name] != 1)
    for row in found:
        name, state = row["request_id"], row["state"]
        if state == "open":
            yield f"{name}: still open"
        if name not in seen and state not in ("failed", "cancelled", "interrupted"):
            yield f"{name}: {state}, though the upstream never saw it"
        if state == "completed" and _tokens(row) != usage_of(name):
            yield f"{name}: completed with {_tokens(row)}, the upstream reported {usage_of(name)}"


def _tokens(row: Row) -> dict[str, int]:
    given, produced = row["prompt_tokens"] or 0, row["completion_tokens"] or 0
    return {"prompt_tokens": given, "completion_tokens": produced, "total_tokens": given + produced}
