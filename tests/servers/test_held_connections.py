"""No client decides how long a database connection is held, and a plain call opens at most two."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from tests.servers.postgres import Cluster
from tests.servers.rig import Rig, rig
from tests.support.bodies import completion
from tests.support.client import PATH, body_of
from tests.support.upstream import Exchange, answer_normally
from threadless.keys.secrets import generate

POOL = {"min_size": 1, "max_size": 2, "timeout": 2}
CLIENTS = 8
"""Four times the pool; they hold nothing while they wait."""
WAIT = 15


@pytest.fixture(scope="module", params=["gevent", "gthread"])
def running(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rig]:
    """A server with a pool of two connections."""
    with rig(request.param, tmp_path_factory.mktemp("host"), database_url=cluster.database(), POOL=POOL) as made:
        yield made


@pytest.fixture
def pooled(running: Rig) -> Rig:
    """The upstream answers as usual."""
    running.upstream.forget()
    return running


def head(key: str, length: int) -> bytes:
    """The head of a call with a body of this many bytes."""
    lines = [f"POST {PATH} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {key}", f"Content-Length: {length}"]
    return "\r\n".join([*lines, "Content-Type: application/json", "Connection: close", "", ""]).encode()


def statuses_of_calls(pooled: Rig) -> list[int]:
    """What others get: more of them than the pool has connections."""
    with ExitStack() as stack:
        clients = [stack.enter_context(pooled.connect()) for _ in range(CLIENTS)]
        for client in clients:
            client.post("victim")
        return [client.read_head()[0] for client in clients]


def test_refused_clients_that_go_on_sending_hold_no_connection(pooled: Rig) -> None:
    with ExitStack() as stack:
        senders = stack.enter_context(ThreadPoolExecutor(CLIENTS))
        clients = [stack.enter_context(pooled.connect()) for _ in range(CLIENTS)]
        for client in clients:
            client.send(head(generate("harbour"), 1_000_000))
            assert client.read_head()[0] == 401
            senders.submit(client.drip, to_end=True)
        assert statuses_of_calls(pooled) == [200] * CLIENTS


def test_slow_uploads_hold_no_connection(pooled: Rig) -> None:
    content = json.dumps(body_of()).encode()
    with ExitStack() as stack:
        clients = [stack.enter_context(pooled.connect()) for _ in range(CLIENTS)]
        for client in clients:
            client.send(head(pooled.host.key, len(content)) + content[:10])
        assert statuses_of_calls(pooled) == [200] * CLIENTS
        for client in clients:
            client.send(content[10:])
        assert [client.read_head()[0] for client in clients] == [200] * CLIENTS


def answer_at_length(exchange: Exchange) -> None:
    """More than the system takes for a client that reads nothing, to those who ask as `greedy`."""
    if exchange.body.get("user") == "greedy":
        exchange.answer(completion("x" * 12_000_000))
    else:
        answer_normally(exchange)


def test_slow_readers_of_plain_answers_hold_no_connection(pooled: Rig) -> None:
    pooled.upstream.script(answer_at_length)
    with ExitStack() as stack:
        clients = [stack.enter_context(pooled.connect(receive_buffer=4096)) for _ in range(4)]
        for client in clients:
            client.post("greedy", user="greedy").read_head()
        assert statuses_of_calls(pooled) == [200] * CLIENTS


class Sessions:
    """How often the host has connected to its database. Asked from another database, so as not to count itself."""

    def __init__(self, cluster: Cluster, host: Rig) -> None:
        self._cluster, self._name = cluster.url, host.host.env["DATABASE_URL"].rpartition("/")[2]

    def count(self) -> int:
        """Connections up to now, once all are closed: the server counts each at its end."""
        with psycopg.connect(self._cluster, autocommit=True) as database:
            end = time.monotonic() + WAIT
            while self._ask(database, "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"):
                assert time.monotonic() < end, "the host keeps a connection"
                time.sleep(0.05)
            return self._ask(database, "SELECT sessions FROM pg_stat_database WHERE datname = %s")

    def _ask(self, database: psycopg.Connection[tuple[int]], query: str) -> int:
        row = database.execute(query.encode(), [self._name]).fetchone()
        assert row is not None
        return row[0]


@pytest.mark.parametrize("kind", ["gevent", "gthread"])
def test_call_connects_twice_at_most(kind: str, cluster: Cluster, tmp_path: Path) -> None:
    with rig(kind, tmp_path, database_url=cluster.database(), POOL=None) as made:
        sessions = Sessions(cluster, made)
        with made.connect() as client:  # also notes when the key was used
            client.post("first").read_rest()
        counts = [sessions.count()]
        for is_stream in (False, True):
            with made.connect() as client:
                client.post("next", stream=is_stream).read_rest()
            counts.append(sessions.count())

        assert [after - before for before, after in pairwise(counts)] == [2, 2]
