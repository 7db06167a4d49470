"""SIGTERM with calls running: they go on until the graceful time is nearly over, then end with an error."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.ending import speak_for_ever
from tests.servers.rig import Rig, rig
from tests.support.bodies import DONE, chunks_of
from tests.support.upstream import Exchange

GRACEFUL = {
    "gevent": "--graceful-timeout",
    "gthread": "--graceful-timeout",
    "uvicorn": "--timeout-graceful-shutdown",
    "uvicorn-django": "--timeout-graceful-shutdown",
}
EXIT_CODES = {"gevent": 0, "gthread": 0, "uvicorn": -signal.SIGTERM, "uvicorn-django": -signal.SIGTERM}


@pytest.fixture(params=GRACEFUL)
def stopping(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """A server with a graceful time of ten seconds, of which calls get five."""
    with rig(request.param, tmp_path, options=[GRACEFUL[request.param], "10"]) as made:
        yield made


@pytest.fixture
def preloaded(tmp_path: Path) -> Iterator[Rig]:
    """A gunicorn that loads the host before its workers exist."""
    with rig("gthread", tmp_path, options=["--preload", "--graceful-timeout", "10"]) as made:
        yield made


def test_stream_goes_on_after_sigterm_then_ends_with_an_error_event(stopping: Rig) -> None:
    stopping.upstream.script(speak_for_ever)
    with stopping.connect() as client:
        client.post("endless", stream=True).read_until(b"word")
        stopping.server.process.send_signal(signal.SIGTERM)
        for _ in range(10):
            client.read_until(b"word")
        rest = client.read_rest()

    error = json.loads(rest.rpartition(b"data: ")[2].partition(b"\n\n")[0])["error"]
    assert (error["code"], error["type"]) == ("upstream_unavailable", "server_error")
    assert "shutting down" in error["message"]
    assert DONE not in rest


def test_stream_beyond_the_graceful_time_is_settled_with_its_tokens(stopping: Rig) -> None:
    stopping.upstream.script(speak_for_ever)
    with stopping.connect() as client:
        client.post("endless", stream=True).read_until(b"word")
        exit_code = stopping.server.stop()

    row = stopping.ledger.settled_row("endless")
    assert exit_code == EXIT_CODES[stopping.kind]
    assert (row["state"], row["error_code"], row["http_status"]) == ("failed", "upstream_unavailable", 200)
    assert row["completion_tokens"] >= 5
    assert stopping.upstream.exchanges[0].wait_closed(10)


def test_stream_of_a_preloaded_host_ends_with_an_error_event(preloaded: Rig) -> None:
    preloaded.upstream.script(speak_for_ever)
    with preloaded.connect() as client:
        client.post("endless", stream=True).read_until(b"word")
        preloaded.server.process.send_signal(signal.SIGTERM)
        assert b"upstream_unavailable" in client.read_rest()


def test_stream_that_ends_within_the_graceful_time_is_whole(stopping: Rig) -> None:
    may_finish = threading.Event()

    def finish_when_allowed(exchange: Exchange) -> None:
        first, *rest = chunks_of("Hello", " there")
        exchange.start()
        exchange.event(first)
        may_finish.wait(10)
        for body in rest:
            exchange.event(body)
        exchange.end()

    stopping.upstream.script(finish_when_allowed)
    with stopping.connect() as client:
        client.post("short", stream=True).read_until(b"assistant")
        stopping.server.process.send_signal(signal.SIGTERM)
        may_finish.set()
        assert b" there" in client.read_until(DONE)
    assert stopping.ledger.settled_row("short")["state"] == "completed"


def test_plain_call_beyond_the_graceful_time_gets_a_503(stopping: Rig) -> None:
    stopping.upstream.script(lambda exchange: exchange.wait_closed(20))
    with stopping.connect() as client:
        client.post("plain")
        stopping.upstream.wait_for(1)
        stopping.server.process.send_signal(signal.SIGTERM)
        status, headers = client.read_head()

    assert (status, headers["retry-after"]) == (503, "1")
    assert stopping.ledger.settled_row("plain")["http_status"] == 503


@pytest.mark.parametrize(
    "stopping_at",
    [
        {"RESOLVER": "tests.servers.stopping.StoppingResolver"},
        {"USAGE_RECORDER": "tests.servers.stopping.StoppingRecorder"},
    ],
    ids=["RESOLVER", "USAGE_RECORDER"],
)
@pytest.mark.parametrize("kind", ["uvicorn", "uvicorn-django"])
def test_first_call_of_an_event_loop_learns_of_an_earlier_signal(
    tmp_path: Path, kind: str, stopping_at: dict[str, str]
) -> None:
    with rig(kind, tmp_path, options=[GRACEFUL["uvicorn"], "10"], THREADLESS=stopping_at) as made:
        made.upstream.script(lambda exchange: exchange.wait_closed(20))
        with made.connect() as client:
            assert client.post("early").read_head()[0] == 503
