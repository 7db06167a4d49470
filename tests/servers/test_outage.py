"""The database goes away: before a call, while it runs, and when the server stops."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.postgres import Cluster
from tests.servers.rig import Rig, rig
from tests.support.bodies import DONE, chunks_of
from tests.support.client import Connection
from tests.support.upstream import Exchange

POOL = {"min_size": 1, "max_size": 5, "timeout": 1}


@pytest.fixture(params=["gevent", "gthread", "uvicorn", "uvicorn-django"])
def host(request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path) -> Iterator[Rig]:
    """A server on PostgreSQL, which runs again afterwards."""
    with rig(request.param, tmp_path, database_url=cluster.database(), POOL=POOL) as made:
        yield made
        cluster.start_if_stopped()


def read_while_stopped(cluster: Cluster, host: Rig, client: Connection) -> bytes:
    """A stream whose whole answer comes while the database is away."""
    is_away = threading.Event()

    def answer_when_away(exchange: Exchange) -> None:
        is_away.wait(10)
        exchange.stream(*chunks_of("Hello", " there"))

    host.upstream.script(answer_when_away)
    client.post("unlucky", stream=True)
    host.upstream.wait_for(1)
    cluster.stop()
    is_away.set()
    return client.read_until(DONE)


def test_database_away_at_settle_time_costs_no_row_and_no_tokens(cluster: Cluster, host: Rig) -> None:
    with host.connect() as client:
        assert b" there" in read_while_stopped(cluster, host, client)
    cluster.start_if_stopped()

    row = host.ledger.settled_row("unlucky")
    assert (row["state"], row["prompt_tokens"], row["completion_tokens"]) == ("completed", 9, 5)


def test_database_away_at_opening_is_an_error_before_the_upstream_is_asked(cluster: Cluster, host: Rig) -> None:
    cluster.stop()
    with host.connect() as client:
        status, headers = client.post("early").read_head()
        error = json.loads(client.read_rest())["error"]

    assert (status, error["type"], error["code"]) == (503, "server_error", "database_unavailable")
    assert (headers["content-type"], headers["retry-after"]) == ("application/json", "1")
    assert host.upstream.exchanges == []


def test_call_that_finds_no_database_leaves_one_record_without_a_traceback(cluster: Cluster, host: Rig) -> None:
    cluster.stop()
    assert [status_of_a_call(host, f"early-{number}") for number in range(3)] == [503] * 3
    log = host.server.log_text()

    assert log.count("(database_unavailable)") == 3
    assert len(set(re.findall(r"req_[0-9a-f]{32}", log))) == 3
    assert "Traceback" not in log


def status_of_a_call(host: Rig, request_id: str) -> int:
    """The HTTP status of a plain call."""
    with host.connect() as client:
        return client.post(request_id).read_head()[0]


def test_host_answers_again_once_the_database_is_back(cluster: Cluster, host: Rig) -> None:
    assert status_of_a_call(host, "before") == 200
    cluster.stop()
    assert status_of_a_call(host, "meanwhile") == 503
    cluster.start_if_stopped()

    # The pool finds out about each connection that it had only when that one is used.
    statuses = [status_of_a_call(host, f"after-{number}") for number in range(POOL["max_size"] + 1)]
    assert statuses[-1] == 200
    assert [row["state"] for row in host.ledger.rows()] == ["completed"] * (1 + statuses.count(200))


def test_example_host_answers_soon_after_the_database_is_back(cluster: Cluster, tmp_path: Path) -> None:
    with rig("gevent", tmp_path, database_url=cluster.database()) as example:
        assert status_of_a_call(example, "before") == 200
        cluster.stop()
        assert [status_of_a_call(example, f"meanwhile-{number}") for number in range(4)] == [503] * 4
        cluster.start_if_stopped()

        end = time.monotonic() + 4  # 2 seconds, and as much again for a busy machine; it was 20 seconds
        while status_of_a_call(example, "after") != 200:
            assert time.monotonic() < end


def test_health_checks_spare_the_first_calls_after_an_outage(cluster: Cluster, tmp_path: Path) -> None:
    pool = POOL | {"timeout": 10}
    with rig("gevent", tmp_path, database_url=cluster.database(), POOL=pool, HEALTH_CHECKS=True) as checked:
        assert status_of_a_call(checked, "before") == 200
        cluster.stop()
        cluster.start_if_stopped()

        assert [status_of_a_call(checked, f"after-{number}") for number in range(3)] == [200] * 3


@pytest.mark.parametrize("host", ["gevent", "gthread"], indirect=True)
def test_server_that_stops_gives_waiting_outcomes_a_last_chance(cluster: Cluster, host: Rig) -> None:
    with host.connect() as client:
        read_while_stopped(cluster, host, client)
    threading.Timer(0.5, cluster.start_if_stopped).start()
    host.server.stop()

    assert host.ledger.settled_row("unlucky")["state"] == "completed"
