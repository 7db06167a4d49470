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


@pytest.fixture(scope="module", params=["gevent", "gthread", "uvicorn", "uvicorn-django"])
def running(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rig]:
    """One server of each kind on PostgreSQL."""
    with rig(request.param, tmp_path_factory.mktemp("host"), database_url=cluster.database(), POOL=POOL) as made:
        yield made


@pytest.fixture
def host(running: Rig, cluster: Cluster) -> Iterator[Rig]:
    """Every connection of the server's pool works; PostgreSQL runs again afterwards."""
    good, end = 0, time.monotonic() + 30
    while good <= POOL["max_size"]:
        good = good + 1 if status_of_a_call(running, "usable") == 200 else 0
        assert time.monotonic() < end, running.server.log_text()
    running.upstream.forget()
    yield running
    cluster.start_if_stopped()


def read_while_stopped(cluster: Cluster, host: Rig, client: Connection, request_id: str) -> bytes:
    """A stream whose whole answer comes while the database is away."""
    is_away = threading.Event()

    def answer_when_away(exchange: Exchange) -> None:
        is_away.wait(10)
        exchange.stream(*chunks_of("Hello", " there"))

    host.upstream.script(answer_when_away)
    client.post(request_id, stream=True)
    host.upstream.wait_for(1)
    cluster.stop()
    is_away.set()
    return client.read_until(DONE)


def test_database_away_at_settle_time_costs_no_row_and_no_tokens(cluster: Cluster, host: Rig) -> None:
    with host.connect() as client:
        assert b" there" in read_while_stopped(cluster, host, client, "unlucky")
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
    before = len(host.server.log_text())
    cluster.stop()
    assert [status_of_a_call(host, f"early-{number}") for number in range(3)] == [503] * 3
    log = host.server.log_text()[before:]

    assert log.count("(database_unavailable)") == 3
    assert len(set(re.findall(r"req_[0-9a-f]{32}", log))) == 3
    assert "Traceback" not in log


def status_of_a_call(host: Rig, request_id: str) -> int:
    """The HTTP status of a plain call."""
    with host.connect() as client:
        return client.post(request_id).read_head()[0]


def test_host_answers_again_once_the_database_is_back(cluster: Cluster, host: Rig) -> None:
    rows_before = len(host.ledger.rows())
    assert status_of_a_call(host, "before") == 200
    cluster.stop()
    assert status_of_a_call(host, "meanwhile") == 503
    cluster.start_if_stopped()

    statuses = [status_of_a_call(host, f"after-{number}") for number in range(POOL["max_size"] + 1)]
    assert statuses[-1] == 200
    assert [row["state"] for row in host.ledger.rows()[rows_before:]] == ["completed"] * (1 + statuses.count(200))


def test_example_host_answers_soon_after_the_database_is_back(cluster: Cluster, tmp_path: Path) -> None:
    with rig("gevent", tmp_path, database_url=cluster.database()) as example:
        assert status_of_a_call(example, "before") == 200
        cluster.stop()
        assert [status_of_a_call(example, f"meanwhile-{number}") for number in range(4)] == [503] * 4
        cluster.start_if_stopped()

        end = time.monotonic() + 4  # 2 seconds, and as much again for a busy machine; it was 20 seconds
        while status_of_a_call(example, "after") != 200:
            assert time.monotonic() < end


@pytest.mark.parametrize("kind", ["gevent", "gthread", "uvicorn"])
def test_one_call_at_most_gets_a_lost_connection(kind: str, cluster: Cluster, tmp_path: Path) -> None:
    pool = POOL | {"min_size": 5, "timeout": 10}
    with rig(kind, tmp_path, database_url=cluster.database(), POOL=pool) as made:
        assert [status_of_a_call(made, f"before-{number}") for number in range(5)] == [200] * 5
        cluster.stop()
        cluster.start_if_stopped()

        assert [status_of_a_call(made, f"after-{number}") for number in range(6)][1:] == [200] * 5


def test_health_checks_spare_the_first_calls_after_an_outage(cluster: Cluster, tmp_path: Path) -> None:
    pool = POOL | {"timeout": 10}
    with rig("gevent", tmp_path, database_url=cluster.database(), POOL=pool, HEALTH_CHECKS=True) as checked:
        assert status_of_a_call(checked, "before") == 200
        cluster.stop()
        cluster.start_if_stopped()

        assert [status_of_a_call(checked, f"after-{number}") for number in range(3)] == [200] * 3


@pytest.mark.parametrize("kind", ["gevent", "gthread"])
def test_server_that_stops_gives_waiting_outcomes_a_last_chance(kind: str, cluster: Cluster, tmp_path: Path) -> None:
    with rig(kind, tmp_path, database_url=cluster.database(), POOL=POOL) as made:
        with made.connect() as client:
            read_while_stopped(cluster, made, client, "last")
        threading.Timer(0.5, cluster.start_if_stopped).start()
        made.server.stop()

        assert made.ledger.settled_row("last")["state"] == "completed"
