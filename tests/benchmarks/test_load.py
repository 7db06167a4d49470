"""The load generator accepts a right answer and finds each kind of fault, else a run would prove nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from benchmarks import payloads
from benchmarks.load import Spec, run_load
from benchmarks.processes import ROOT
from benchmarks.verify import fault

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
_EVENTS = payloads.events()


def _stream(events: list[bytes]) -> bytes:
    return _HEAD + b"".join(events)


def test_fault_finds_nothing_in_what_the_upstream_sends() -> None:
    assert fault(payloads.BURST, _stream(_EVENTS)) == ""
    assert fault(payloads.JSON, b"HTTP/1.1 200 OK\r\n\r\n" + payloads.completion()) == ""


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda events: events[:10] + events[11:], id="a chunk is missing"),
        pytest.param(lambda events: [*events[:9], events[10], events[9], *events[11:]], id="two chunks change places"),
        pytest.param(lambda events: [*events[:10], events[9], *events[10:]], id="a chunk comes twice"),
        pytest.param(lambda events: events[:-1], id="the end is missing"),
        pytest.param(lambda events: [*events[:-1], events[-1].replace(b"data: [DONE]\n\n", b"")], id="no [DONE]"),
        pytest.param(lambda events: [*events[:-1], events[-1].replace(b'"stop"', b"null")], id="no finish_reason"),
        pytest.param(lambda events: [*events[:-1], events[-1].replace(b"209", b"1").replace(b"200", b"1")], id="usage"),
    ],
)
def test_fault_names_what_is_wrong_with_a_stream(spoil: Callable[[list[bytes]], list[bytes]]) -> None:
    assert fault(payloads.BURST, _stream(spoil(_EVENTS)))


def test_fault_names_chunks_that_were_gathered_into_one() -> None:
    gathered = _EVENTS[9].replace(b'word0009 "', b'word0009 word0010 "')
    assert fault(payloads.BURST, _stream([*_EVENTS[:9], gathered, *_EVENTS[11:]]))


@pytest.fixture
def upstream_port() -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.upstream"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline().rpartition(":")[2])
        process.terminate()


def test_load_against_the_upstream_itself_has_no_fault(upstream_port: int) -> None:
    kinds = [kind for kind in payloads.MODELS if kind not in payloads.KIND_SECONDS]
    result = asyncio.run(run_load(Spec(port=upstream_port, path="/", kinds=kinds, connections=3, calls=20)))
    assert (result["calls"], result["errors"]) == (20, {})


def test_load_reports_a_stream_that_takes_too_long(upstream_port: int) -> None:
    spec = Spec(port=upstream_port, path="/", kinds=[payloads.PACED], connections=1, calls=1, timeout=0.3)
    assert asyncio.run(run_load(spec))["errors"] == {"timed out": 1}
