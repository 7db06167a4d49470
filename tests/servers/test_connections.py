"""No database connection is held while an upstream is waited for, and a call costs a fixed number of queries."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.db import connections
from django.db.backends.signals import connection_created

from tests.servers.postgres import Cluster
from tests.servers.rig import Rig, rig
from tests.support.bodies import DONE, chunk, usage_chunk
from tests.support.client import Connection, body_of
from tests.support.upstream import Exchange
from threadless.calls.running import wait_for_calls
from threadless.calls.threads import threads
from threadless.testing import AsyncCompletionClient, aread_events

STREAMS = 200
CHUNKS = 20
LIMITS = {"CONCURRENT_CALLS_PER_KEY": STREAMS, "GRACE_SECONDS": 0.2, "PING_SECONDS": 30}


@pytest.fixture(params=["gevent", "uvicorn", "uvicorn-django"])
def pooled(request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path) -> Iterator[Rig]:
    """A server with a pool of five connections."""
    pool = {"min_size": 1, "max_size": 5, "timeout": 30}
    with rig(request.param, tmp_path, database_url=cluster.database(), POOL=pool, THREADLESS=LIMITS) as made:
        yield made


def words_of(request_id: str) -> list[str]:
    """What the upstream says to this call, chunk by chunk."""
    return [f"{request_id}:{number}" for number in range(CHUNKS)]


def speak_when_all_are_here(everybody: threading.Event) -> Any:
    def speak(exchange: Exchange) -> None:
        everybody.wait(60)
        exchange.stream(
            *(chunk({"content": word}) for word in words_of(exchange.body["user"])),
            chunk(finish_reason="stop"),
            usage_chunk(),
        )

    return speak


def missing_words(client: Connection, request_id: str) -> list[str]:
    """The chunks that the answer to this call lacks, or has in another place."""
    events = client.read_until(DONE).decode().split("\n\n")
    contents = [event.partition('"content":"')[2].partition('"')[0] for event in events if '"content":"' in event]
    upstream_id = contents[0].partition(":")[0]
    return [] if contents == words_of(upstream_id) else [f"{request_id}: {contents}"]


def test_two_hundred_streams_share_five_connections(pooled: Rig) -> None:
    everybody = threading.Event()
    pooled.upstream.script(speak_when_all_are_here(everybody))
    with ExitStack() as stack:
        clients = [stack.enter_context(pooled.connect()) for _ in range(STREAMS)]
        for number, client in enumerate(clients):
            client.post(f"call-{number}", stream=True, user=f"call-{number}")
        pooled.upstream.wait_for(STREAMS, timeout=60)
        states = connection_states(pooled)
        assert (len(states) <= 5, {*states}) == (True, {"idle"})
        everybody.set()
        missing = [word for n, client in enumerate(clients) for word in missing_words(client, f"call-{n}")]

    assert missing == []
    assert "Traceback" not in pooled.server.log_text()
    assert {row["state"] for row in pooled.ledger.settled_rows(lambda row: True, STREAMS)} == {"completed"}


def connection_states(pooled: Rig) -> list[str]:
    """What each of the server's connections is doing."""
    with psycopg.connect(pooled.host.env["DATABASE_URL"]) as database:
        states = database.execute(
            "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return [state for (state,) in states]


@pytest.fixture(scope="module", params=["gevent", "gthread", "uvicorn", "uvicorn-django"])
def narrow(request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A server with a single connection."""
    pool = {"min_size": 1, "max_size": 1, "timeout": 5}
    with rig(request.param, tmp_path_factory.mktemp("host"), database_url=cluster.database(), POOL=pool) as made:
        yield made


@pytest.mark.parametrize("is_stream", [True, False])
def test_waiting_calls_hold_no_connection(narrow: Rig, is_stream: bool) -> None:
    answer = threading.Event()
    narrow.upstream.forget()
    narrow.upstream.script(lambda exchange: answer.wait(30))
    with ExitStack() as stack:
        for number in range(10):
            stack.enter_context(narrow.connect()).post(f"call-{number}", stream=is_stream)
        assert len(narrow.upstream.wait_for(10)) == 10
        answer.set()


@pytest.fixture
def queries() -> Iterator[list[str]]:
    """The statements of every thread's connection, as they run."""
    seen: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    def listen(connection: Any, **kwargs: Any) -> None:
        if note not in connection.execute_wrappers:  # the same object opens again and again
            connection.execute_wrappers.append(note)

    threads.retire()  # one that is kept may have a connection that was opened unheard
    connections["default"].execute_wrappers.append(note)
    connection_created.connect(listen)
    yield seen
    connection_created.disconnect(listen)
    threads.retire()
    for connection in connections.all():
        connection.execute_wrappers.clear()


def ask(client: Any, secret: str, **fields: Any) -> bytes:
    """The body of an answer."""
    content = body_of(**fields)
    response = client.post(
        "/api/v1/chat/completions", content, "application/json", headers={"Authorization": f"Bearer {secret}"}
    )
    assert response.status_code == 200
    return b"".join(response.streaming_content) if response.streaming else bytes(response.content)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_stream", [True, False])
def test_call_costs_three_queries(client: Any, issue_key: Any, queries: list[str], is_stream: bool) -> None:
    _, secret = issue_key()
    ask(client, secret)
    queries.clear()

    ask(client, secret, stream=is_stream)

    assert [sql.split()[0] for sql in queries] == ["SELECT", "INSERT", "UPDATE"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_stream", [True, False])
def test_call_through_asgi_costs_three_queries(issue_key: Any, queries: list[str], is_stream: bool) -> None:
    client = AsyncCompletionClient(issue_key()[1])

    async def call(*, stream: bool) -> None:
        response = await client.complete("small", "Hello", stream=stream)
        if response.streaming:
            await aread_events(response)

    async_to_sync(call)(stream=False)
    queries.clear()
    async_to_sync(call)(stream=is_stream)

    assert wait_for_calls(10)
    assert [sql.split()[0] for sql in queries] == ["SELECT", "INSERT", "UPDATE"]


@pytest.mark.django_db(transaction=True)
def test_first_call_of_a_minute_also_notes_when_the_key_was_used(
    client: Any, issue_key: Any, queries: list[str]
) -> None:
    ask(client, issue_key()[1])  # sweeps, if that is due
    key, secret = issue_key()
    queries.clear()

    ask(client, secret)

    assert [sql.split()[0] for sql in queries] == ["SELECT", "UPDATE", "INSERT", "UPDATE"]
    key.refresh_from_db()
    assert key.last_used_at is not None
