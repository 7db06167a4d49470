"""Every failure of an upstream: an honest status, or an event on which SDKs raise, and nothing of the operator's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.bodies import DONE, chunk, completion
from tests.support.client import Client, body_of
from tests.support.upstream import Exchange, Script, ScriptedUpstream
from tests.wire.failures import fail

BY_STATUS = [
    *(
        (status, 502, "server_error", "upstream_error")
        for status in (301, 307, 401, 402, 403, 404, 405, 409, 418, 500, 501, 502)
    ),
    *((status, 503, "server_error", "upstream_unavailable") for status in (503, 529)),
    *((status, 504, "server_error", "upstream_timeout") for status in (408, 504)),
    (429, 429, "rate_limit_error", "rate_limit_exceeded"),
]


@pytest.mark.parametrize(("status", "expected", "kind", "code"), BY_STATUS)
@pytest.mark.parametrize("stream", [True, False])
def test_status_of_the_upstream_is_mapped(
    client: Client, upstream: ScriptedUpstream, status: int, expected: int, kind: str, code: str, stream: bool
) -> None:
    upstream.script(fail(status, Location="http://127.0.0.1/elsewhere"))
    reply = client.post(body_of(stream=stream))
    assert (reply.status, reply.error["type"], reply.error["code"]) == (expected, kind, code)
    assert "Secret" not in reply.error["message"]
    assert len(upstream.exchanges) == 1  # nothing that was sent is sent again


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("stream", [True, False])
def test_refusal_of_the_request_is_passed_on(
    client: Client, upstream: ScriptedUpstream, status: int, stream: bool
) -> None:
    error = {"message": "Too long.", "type": "bad_input", "param": "messages", "code": "context_length_exceeded"}
    upstream.script(fail(status, {"error": error}))
    reply = client.post(body_of(stream=stream))
    assert (reply.status, reply.error) == (400, error)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "Too long."}, "Too long."),
        ({"message": "Too long.", "code": 400}, "Too long."),
        ({"detail": "Too long."}, "Too long."),
        ({"error": {"message": ["Too long."]}}, "Too long."),
        ({"error": {"message": [7]}}, "The model refused the request."),
        ({"error": None}, "The model refused the request."),
        ([], "The model refused the request."),
        (b"<html>Bad</html>", "The model refused the request."),
        (b"", "The model refused the request."),
        (b"\xff", "The model refused the request."),
        (b"[" * 100_000, "The model refused the request."),
    ],
)
def test_refusal_in_any_form_has_a_message(client: Client, upstream: ScriptedUpstream, body: Any, message: str) -> None:
    upstream.script(fail(400, body))
    error = client.post().error
    assert (error["message"], error["type"]) == (message, "invalid_request_error")


def in_answer(body: Any) -> Script:
    return lambda exchange: exchange.answer(body)


def in_stream(*parts: bytes) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.start()
        for part in parts:
            exchange.chunk(part)
        exchange.end()

    return script


def cut(exchange: Exchange) -> None:
    exchange.start(content_type="application/json")
    exchange.chunk(b'{"id": ')
    exchange.cut()


def half(exchange: Exchange) -> None:
    exchange.start(content_type="application/json", chunked=False, extra_headers={"Content-Length": "500"})
    exchange.send(b'{"id": ')


BROKEN: dict[str, Script] = {
    "not JSON": in_answer(b"<html>"),
    "empty": in_answer(b""),
    "array": in_answer([]),
    "null": in_answer(b"null"),
    "no choices": in_answer({"id": "x"}),
    "empty choices": in_answer(completion(choices=[])),
    "choices no list": in_answer(completion(choices={"a": 1})),
    "choices of numbers": in_answer(completion(choices=[1, None])),
    "invalid UTF-8": in_answer(b'{"x": "\xff"}'),
    "deep": in_answer(b"[" * 100_000),
    "error inside": in_answer({"error": {"message": "Secret"}}),
    "no HTTP": lambda exchange: exchange.send(b"\x00\x01\x02\r\n\r\n"),
    "hung up": lambda exchange: exchange.cut(),
    "reset": lambda exchange: exchange.cut(reset=True),
    "cut": cut,
    "too short": half,
}


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("stream", [True, False])
def test_answer_that_is_broken_is_a_502(
    client: Client, upstream: ScriptedUpstream, script: Script, stream: bool
) -> None:
    upstream.script(script)
    reply = client.post(body_of(stream=stream))
    assert (reply.status, reply.error["code"]) == (502, "upstream_error")
    assert "Secret" not in reply.error["message"]
    assert len(upstream.exchanges) == 1


BROKEN_STREAMS: dict[str, Script] = {
    "nothing": in_stream(),
    "only DONE": in_stream(DONE),
    "HTML": in_stream(b"<html></html>"),
    "not JSON": in_stream(b"data: {\n\n"),
    "number": in_stream(b"data: 1\n\n"),
    "error": in_stream(b'data: {"error": "Secret"}\n\n'),
    "error without words": in_stream(b"event: error\ndata: {}\n\n"),
}


@pytest.mark.parametrize("script", BROKEN_STREAMS.values(), ids=BROKEN_STREAMS)
def test_stream_that_never_begins_is_a_502(client: Client, upstream: ScriptedUpstream, script: Script) -> None:
    upstream.script(script)
    reply = client.stream()
    assert (reply.status, reply.error["code"]) == (502, "upstream_error")


def mid_stream(then: Script) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.start()
        exchange.event(chunk({"role": "assistant", "content": "Hello"}))
        then(exchange)

    return script


def error_event(**error: Any) -> Script:
    return lambda exchange: exchange.event({"error": error})


MID_STREAM: dict[str, tuple[Script, str]] = {
    "cut": (lambda exchange: exchange.cut(), "upstream_error"),
    "reset": (lambda exchange: exchange.cut(reset=True), "upstream_error"),
    "ended": (lambda exchange: exchange.end(), "upstream_error"),
    "not JSON": (lambda exchange: exchange.chunk(b"data: oops\n\n"), "upstream_error"),
    "error": (error_event(message="Secret", type="server_error"), "upstream_error"),
    "overloaded": (error_event(message="Secret", type="overloaded_error"), "upstream_unavailable"),
    "rate limit": (error_event(message="Secret", code="rate_limit_exceeded"), "rate_limit_exceeded"),
    "numeric code": (error_event(message="Secret", code=429), "rate_limit_exceeded"),
    "too long": (error_event(message="m", code="context_length_exceeded"), "context_length_exceeded"),
    "silence": (lambda exchange: exchange.wait_closed(20), "upstream_timeout"),
}


@pytest.mark.parametrize(("then", "code"), MID_STREAM.values(), ids=MID_STREAM)
def test_failure_mid_stream_is_one_event_and_no_terminator(
    any_client: Client, upstream: ScriptedUpstream, then: Script, code: str
) -> None:
    upstream.script(mid_stream(then))
    reply = any_client.stream()
    *before, last = reply.events
    error = json.loads(last)["error"]
    assert (reply.status, len(before), error["code"], set(error)) == (
        200,
        1,
        code,
        {"message", "type", "param", "code"},
    )
    assert "Secret" not in last
    assert "[DONE]" not in reply.content.decode()


@pytest.mark.parametrize("stream", [True, False])
def test_silence_before_the_first_byte_is_a_504(any_client: Client, upstream: ScriptedUpstream, stream: bool) -> None:
    upstream.script(lambda exchange: exchange.wait_closed(20))
    reply = any_client.post(body_of(stream=stream))
    assert (reply.status, reply.error["code"]) == (504, "upstream_timeout")


@pytest.mark.parametrize(
    ("given", "after", "after_ms"),
    [
        ({"Retry-After": "7"}, "7", "7000"),
        ({"Retry-After": "0.5"}, "1", "500"),
        ({"retry-after-ms": "1500"}, "2", "1500"),
        ({"Retry-After": "3", "retry-after-ms": "6500"}, "7", "6500"),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, "1", "0"),
        ({"Retry-After": "see http://127.0.0.1"}, "1", "1000"),
        ({"Retry-After": "-1"}, "1", "1000"),
        ({}, "1", "1000"),
    ],
)
def test_retry_after_of_a_429_is_carried(
    client: Client, upstream: ScriptedUpstream, given: dict[str, str], after: str, after_ms: str | None
) -> None:
    upstream.script(fail(429, **{name.replace("-", "_"): value for name, value in given.items()}))
    headers = client.post().headers
    assert (headers["Retry-After"], headers["retry-after-ms"]) == (after, after_ms)


def test_retry_after_of_a_503_is_carried(client: Client, upstream: ScriptedUpstream) -> None:
    upstream.script(fail(503, Retry_After="9"))
    assert client.stream().headers["Retry-After"] == "9"
