"""One request and its answer, from a server on loopback: whole, in pieces, too early, too late or broken."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from typing import Any

import pytest

from tests.backends.upstream.sender import WAIT, Sender
from tests.support.clock import replace_sleep
from tests.support.upstream import Exchange, ScriptedUpstream
from threadless.backends.lifetime import Lifetime
from threadless.exceptions import Cancelled, UpstreamError, UpstreamTimeout
from threadless.turns import PIECE_BYTES

OK = b"HTTP/1.1 200 OK\r\n"


def test_answer_has_status_headers_and_content(sender: Sender, upstream: ScriptedUpstream) -> None:
    upstream.script(lambda exchange: exchange.answer(b"content", status=418, headers={"X-Name": "value"}))
    with sender.post() as response:
        assert (response.status, response.headers["x-name"], response.read()) == (418, "value", b"content")


@pytest.mark.parametrize("size", [2, 65536, 65537, 8 * 1024 * 1024])
def test_request_arrives_whole(sender: Sender, upstream: ScriptedUpstream, size: int) -> None:
    upstream.script(lambda exchange: exchange.answer(b"{}"))
    sender.ask(b"x" * size)
    assert upstream.exchanges[0].raw_body == b"x" * size
    assert upstream.exchanges[0].headers["Host"] == "upstream"


@pytest.mark.parametrize(("request_id", "sent"), [("", None), ("req_1", "req_1")])
def test_request_id_is_sent_if_there_is_one(
    sender: Sender, upstream: ScriptedUpstream, request_id: str, sent: str | None
) -> None:
    sender.ask(request_id=request_id)
    assert upstream.exchanges[0].headers.get("X-Request-Id") == sent


@pytest.mark.parametrize("request_id", ["a\r\nX-Other: b", "a\nb", "a\0", "é", "\u2028"])
def test_request_id_that_no_header_may_hold_is_refused(sender: Sender, request_id: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        sender.post(b"{}", request_id)


def test_content_is_given_as_it_arrives(sender: Sender, upstream: ScriptedUpstream, told: threading.Event) -> None:
    def speak(exchange: Exchange) -> None:
        exchange.start()
        exchange.chunk(b"first")
        assert told.wait(WAIT)
        exchange.chunk(b"last")
        exchange.end()

    upstream.script(speak)
    with sender.post() as response:
        segments = response.segments()
        first = next(segments)
        told.set()
        assert (first, b"".join(segments)) == (b"first", b"last")


def test_reading_stops_at_its_limit(sender: Sender, upstream: ScriptedUpstream, told: threading.Event) -> None:
    def speak(exchange: Exchange) -> None:
        exchange.start()
        exchange.chunk(b"12345678")
        told.wait()

    upstream.script(speak)
    with sender.post() as response:
        assert response.read_some(5) == b"12345"


@pytest.mark.parametrize("piece", [1, 7, 10000])
def test_compressed_content_is_decoded(sender: Sender, upstream: ScriptedUpstream, piece: int) -> None:
    packed = gzip.compress(b"content " * 100)

    def speak(exchange: Exchange) -> None:
        exchange.start(extra_headers={"Content-Encoding": "gzip"})
        for place in range(0, len(packed), piece):
            exchange.chunk(packed[place : place + piece])
        exchange.end()

    upstream.script(speak)
    assert sender.ask()[1] == b"content " * 100


def test_content_that_is_not_compressed_as_announced_is_a_failure(sender: Sender, upstream: ScriptedUpstream) -> None:
    upstream.script(lambda exchange: exchange.answer(b"plain", headers={"Content-Encoding": "gzip"}))
    with pytest.raises(UpstreamError, match="lost"):
        sender.ask()


def test_answer_before_the_request_was_read_arrives() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            sock, _ = server.accept()
            with sock:
                sock.recv(100)
                sock.sendall(b"HTTP/1.1 413 Too large\r\nContent-Length: 8\r\n\r\ntoo much")

        thread = threading.Thread(target=refuse)
        thread.start()
        assert Sender(server.getsockname()[1]).ask(b"x" * 32 * 1024 * 1024) == (413, b"too much")
        thread.join(WAIT)


def break_off(data: bytes, *, reset: bool = False) -> Any:
    """A script that breaks the connection after these bytes."""

    def script(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.cut(reset=reset)

    return script


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200",
        OK + b"Content-Length: 3\r\n\r\n{}",
        OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\n{}",
        b"SSH-2.0-server\r\n\r\n",
        OK + b"Content-Length: many\r\n\r\n",
    ],
)
def test_answer_that_breaks_off_or_is_none_is_a_failure(
    sender: Sender, upstream: ScriptedUpstream, data: bytes, reset: bool
) -> None:
    upstream.script(break_off(data, reset=reset))
    with pytest.raises(UpstreamError, match="lost"):
        sender.ask()


def test_failure_hides_what_led_to_it(sender: Sender, upstream: ScriptedUpstream) -> None:
    upstream.script(break_off(b""))
    with pytest.raises(UpstreamError) as caught:
        sender.ask()
    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True)


def test_first_byte_that_comes_too_late_is_a_timeout(upstream: ScriptedUpstream) -> None:
    upstream.script(lambda exchange: exchange.wait_closed(WAIT))
    with pytest.raises(UpstreamTimeout):
        Sender(upstream.port, first_byte_seconds=0.05).ask()
    assert upstream.exchanges[0].wait_closed(WAIT)


def test_silence_within_an_answer_is_a_timeout(upstream: ScriptedUpstream) -> None:
    def speak(exchange: Exchange) -> None:
        exchange.start()
        exchange.chunk(b"first")
        exchange.wait_closed(WAIT)

    upstream.script(speak)
    with pytest.raises(UpstreamTimeout):
        Sender(upstream.port, between_chunks_seconds=0.05).ask()
    assert upstream.exchanges[0].wait_closed(WAIT)


@pytest.mark.parametrize(("head", "pause"), [(OK, 0.01), (OK + b"\r\n", 0)], ids=["in the head", "in the body"])
def test_answer_that_never_ends_is_cut_at_the_deadline(
    sender: Sender, upstream: ScriptedUpstream, head: bytes, pause: float
) -> None:
    def speak(exchange: Exchange) -> None:
        exchange.send(head)
        end = time.monotonic() + WAIT / 2
        while time.monotonic() < end and not exchange.wait_closed(pause):
            exchange.send(b"A: b\r\n")

    upstream.script(speak)
    with pytest.raises(UpstreamTimeout), Lifetime(0.1).active():
        sender.ask()


@pytest.mark.parametrize("calls_before", [0, 1])
def test_cancelled_call_stops_waiting(sender: Sender, upstream: ScriptedUpstream, calls_before: int) -> None:
    for _ in range(calls_before):
        sender.ask()
    lifetime = Lifetime(WAIT)

    def cancel(exchange: Exchange) -> None:
        lifetime.cancel()
        assert exchange.wait_closed(WAIT / 2)

    upstream.script(cancel)
    with lifetime.active(), pytest.raises((UpstreamError, Cancelled)):
        sender.ask()
    assert upstream.exchanges[-1].finished.wait(WAIT)


def drain_after_content(upstream: ScriptedUpstream, ending: Any) -> Any:
    """A way to read: the content, then what is left is drained while `ending` happens at the upstream."""
    is_read = threading.Event()

    def speak(exchange: Exchange) -> None:
        exchange.start()
        exchange.chunk(b"content")
        assert is_read.wait(WAIT)
        ending(exchange)

    def read(response: Any) -> None:
        assert next(response.segments()) == b"content"
        is_read.set()
        response.drain()

    upstream.script(speak)
    return read


def test_drained_answer_leaves_its_connection_for_the_next(sender: Sender, upstream: ScriptedUpstream) -> None:
    assert sender.keeps_connection_after(drain_after_content(upstream, Exchange.end))


@pytest.mark.parametrize("ending", [Exchange.cut, lambda exchange: exchange.wait_closed(WAIT)])
def test_drain_of_an_answer_that_does_not_end_is_no_failure(
    sender: Sender, upstream: ScriptedUpstream, ending: Any
) -> None:
    assert not sender.keeps_connection_after(drain_after_content(upstream, ending))


def test_other_calls_run_while_a_large_request_is_sent(
    sender: Sender, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    replace_sleep(monkeypatch, pauses.append)
    upstream.script(lambda exchange: exchange.answer(b"{}"))
    sender.ask(b"x" * 8 * PIECE_BYTES)
    assert len(pauses) >= 2 * 6
