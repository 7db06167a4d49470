"""One run of outages, a killed worker and slow clients, one after the other in random order.

Usual calls go on all the time, and so does a victim. Afterwards the books are compared, each worker must have all its
places for calls again, and the log is read.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.chaos import budgets, clients, logs, run, victim
from tests.chaos.redis_server import Redis
from tests.chaos.upstream import behave
from tests.chaos.victim import Attempt, Victim, Window
from tests.servers.postgres import Cluster
from tests.servers.rig import Rig
from tests.support.client import Connection
from tests.support.serving import Host, prepared_host, serve
from tests.support.upstream import UPSTREAM_KEY, ScriptedUpstream

KINDS = ("gevent", "gthread", "uvicorn")
WORKERS = 2
PLACES = 60
"""`CONCURRENT_CALLS_PER_KEY`: for each worker."""
OUTAGE_SECONDS = 3.0
_CALLERS = 5
_PLACES_SECONDS = 20.0
_OPTIONS = {
    "gevent": ("--graceful-timeout", "8"),
    "gthread": ("--graceful-timeout", "8", "--threads", "64"),
    "uvicorn": ("--timeout-graceful-shutdown", "8", "--no-access-log"),
}


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run has shown. `faults` has a list for each check, empty if it holds."""

    kind: str
    seed: int
    books: run.Books
    attempts: list[Attempt]
    faults: dict[str, list[str]]


@dataclass(frozen=True, kw_only=True)
class Disturbances:
    """A running host and all that can be done to it."""

    made: Rig
    cluster: Cluster
    redis: Redis
    seed: int
    held: list[str] = field(default_factory=list)
    """Faults: connections that the server still holds for clients that do not read."""

    def by_name(self) -> dict[str, Callable[[], None]]:
        """All of them, in the random order of the seed."""
        made, seed = self.made, self.seed
        found: dict[str, Callable[[], None]] = {
            victim.WORKER_KILLED: lambda: clients.while_streaming(made, seed, self._kill_a_worker),
            victim.DATABASE_OUTAGE: self._stop_the_database,
            "Redis outage": self._stop_redis,
            "slow uploads": lambda: clients.slow_uploads(made, seed),
            "slow readers": lambda: self.held.extend(clients.slow_readers(made, seed)),
            "drips after a 401": lambda: clients.drips_after_401(made, seed),
            "200 leaving clients": lambda: clients.leavers(made, seed),
        }
        names = list(found)
        random.Random(seed).shuffle(names)
        return {name: found[name] for name in names}

    def _kill_a_worker(self) -> None:
        os.kill(random.Random(self.seed).choice(_workers(self.made)), signal.SIGKILL)

    def _stop_the_database(self) -> None:
        self.cluster.stop("immediate")
        time.sleep(OUTAGE_SECONDS)
        self.cluster.start()

    def _stop_redis(self) -> None:
        self.redis.kill()
        time.sleep(OUTAGE_SECONDS)
        self.redis.start()


def play(seed: int, folder: Path, cluster: Cluster, redis: Redis, *, kind: str) -> Result:
    """A whole run on a new database."""
    log = folder / "records"
    with _rig(kind, folder, cluster.database(), CACHE_URL=redis.url, CHAOS_LOG=str(log)) as made:
        disturbances = Disturbances(made=made, cluster=cluster, redis=redis, seed=seed)
        with Victim(made.server.port, _key_of_the_victim(made.host)) as client, _usual_calls(made, seed):
            windows = list(_disturb(disturbances.by_name()))
            time.sleep(victim.SERVED_SECONDS)
        places = list(missing_places(made, seed))
        made.server.stop(timeout=40)
        books = run.close_the_books(made)
    found = {
        "books": books.faults,
        "victim": list(victim.faults(client.attempts, windows)),
        "places": places,
        "held": disturbances.held,
        "log": list(logs.faults(logs.records(log))),
    }
    return Result(kind=kind, seed=seed, books=books, attempts=client.attempts, faults=found)


@contextlib.contextmanager
def _rig(kind: str, folder: Path, database_url: str, **variables: str) -> Iterator[Rig]:
    limits = {"CONCURRENT_CALLS_PER_KEY": PLACES, "REQUESTS_PER_MINUTE": 10**6, "TOKENS_PER_MINUTE": 10**12}
    timings = {"GRACE_SECONDS": 0.3, "PING_SECONDS": 0.3, "STALL_SECONDS": 2}
    with ScriptedUpstream() as upstream:
        upstream.script(behave)
        host = prepared_host(
            folder,
            database_url=database_url,
            settings="tests.chaos.settings",
            UPSTREAM_BASE_URL=upstream.base_url,
            UPSTREAM_API_KEY=UPSTREAM_KEY,
            UPSTREAM_MODELS="small",
            UPSTREAM_TIMEOUT="10",
            TEST_SETTINGS=json.dumps({"THREADLESS": timings | limits | budgets.LONG_STEP}),
            **variables,
        )
        budgets.set_budgets(host)
        with serve(kind, env=host.env, workers=WORKERS, options=_OPTIONS[kind]) as server:
            yield Rig(kind=kind, upstream=upstream, host=host, server=server)


def _disturb(named: Mapping[str, Callable[[], None]]) -> Iterator[Window]:
    """Each with a pause behind it, in which everything must work again."""
    for name, disturb in named.items():
        time.sleep(1)
        started = time.monotonic()
        disturb()
        yield Window(name=name, started=started, ended=time.monotonic())
        time.sleep(victim.SERVED_SECONDS)


@contextlib.contextmanager
def _usual_calls(made: Rig, seed: int) -> Iterator[None]:
    """The calls of `run.plans`, again and again, a few at a time."""
    is_over = threading.Event()

    def call(number: int) -> None:
        rounds = 0
        while not is_over.is_set():
            for plan in list(run.plans(seed))[number::_CALLERS]:
                if is_over.wait(0.1):
                    return
                run.call(made, replace(plan, request_id=f"{plan.request_id}-{rounds}"))
            rounds += 1

    with ThreadPoolExecutor(_CALLERS) as callers:
        for number in range(_CALLERS):
            callers.submit(call, number)
        try:
            yield
        finally:
            is_over.set()


def _workers(made: Rig) -> list[int]:
    """The processes that answer; uvicorn's parent has another child, which watches semaphores."""
    listed = made.server.worker_ids()
    return [pid for pid in listed if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()]


def missing_places(made: Rig, seed: int) -> Iterator[str]:
    """A fault if the key cannot have its full number of calls open, on all workers together."""
    wanted, opened = WORKERS * PLACES, 0
    end = time.monotonic() + _PLACES_SECONDS
    with contextlib.ExitStack() as stack:
        while opened < wanted and time.monotonic() < end:
            client = stack.enter_context(made.connect())
            if _is_admitted(client, f"chaos-{seed}-place-{opened}"):
                opened += 1
            else:
                client.close()
    if opened < wanted:
        yield f"only {opened} of {wanted} calls could be open at once"


def _is_admitted(client: Connection, request_id: str) -> bool:
    with contextlib.suppress(OSError, AssertionError):
        return client.post(request_id, user="stall_in_stream", stream=True).read_head()[0] == 200
    return False


def _key_of_the_victim(host: Host) -> str:
    asked = "create_api_key --user alice --name victim --scope CHATS:WRITE --field organisation=1"
    return host.manage(*asked.split()).split()[-1]
