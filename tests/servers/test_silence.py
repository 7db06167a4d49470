"""Silent upstreams: grace time before the headers, pings after it, and what a late failure looks like."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.servers import checks
from tests.servers.checks import OVERLOADED, PING
from tests.servers.rig import Rig, rig
from tests.support.bodies import DONE, chunks_of, completion
from tests.support.upstream import Exchange


@pytest.fixture(scope="module", params=["gevent", "gthread", "uvicorn", "uvicorn-django"])
def hurried(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A server that pings after a moment."""
    timings = {"GRACE_SECONDS": 0.2, "PING_SECONDS": 0.2}
    with rig(request.param, tmp_path_factory.mktemp("host"), THREADLESS=timings) as made:
        yield made


@pytest.fixture(scope="module", params=["gevent", "gthread", "uvicorn", "uvicorn-django"])
def patient(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A server that holds its headers back for longer than any test takes."""
    timings = {"GRACE_SECONDS": 60, "PING_SECONDS": 0.2}
    with rig(request.param, tmp_path_factory.mktemp("host"), THREADLESS=timings) as made:
        yield made


def test_silent_upstream_before_its_first_chunk_is_bridged_by_pings(hurried: Rig) -> None:
    heard = threading.Event()

    def speak_when_heard(exchange: Exchange) -> None:
        heard.wait(10)
        exchange.stream(*chunks_of("late"))

    hurried.upstream.script(speak_when_heard)
    with hurried.connect() as client:
        assert client.post("late", stream=True).read_head()[0] == 200
        client.read_until(PING + b"\r\n")
        client.read_until(PING)
        heard.set()
        assert b"late" in client.read_until(DONE)


def test_silent_upstream_between_chunks_is_bridged_by_pings(hurried: Rig) -> None:
    checks.pings_bridge_a_silence(hurried)


@pytest.mark.parametrize(("status", "expected"), [(503, 503), (429, 429), (500, 502), (400, 400)])
def test_failure_within_the_grace_time_keeps_its_http_status(patient: Rig, status: int, expected: int) -> None:
    checks.early_failure_keeps_its_status(patient, status, expected)


def test_failure_after_the_grace_time_is_an_error_event_without_done(hurried: Rig) -> None:
    heard = threading.Event()

    def fail_when_heard(exchange: Exchange) -> None:
        heard.wait(10)
        exchange.answer(OVERLOADED, 503)

    hurried.upstream.script(fail_when_heard)
    with hurried.connect() as client:
        client.post("failing", stream=True).read_until(PING)
        heard.set()
        rest = client.read_rest()

    assert b'data: {"error":{' in rest
    assert DONE not in rest
    assert hurried.ledger.settled_row("failing")["state"] == "failed"


def test_plain_call_waits_longer_than_the_grace_time(hurried: Rig) -> None:
    def answer_late(exchange: Exchange) -> None:
        threading.Event().wait(0.5)
        exchange.answer(completion("late"))

    hurried.upstream.script(answer_late)
    with hurried.connect() as client:
        assert client.post("plain").read_head()[0] == 200
        assert b"late" in client.read_rest()
