"""Whatever an upstream repeats, and wherever: its key, its address and what the host adds reach nobody."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest

from tests.support.bodies import chunk
from tests.support.upstream import Exchange, Script
from tests.wire.cases.calling import CaseServer, Result
from tests.wire.cases.canaries import ANSWER_PATHS, ERROR_PATHS, UNKNOWN, Path, answer_with, put
from tests.wire.cases.case import INSTRUCTIONS, KEY, PRIVATE_MODEL

BODY = {"model": "small", "messages": [{"role": "user", "content": "Hi"}]}
HEADERS = (
    *("Content-Type", "Retry-After", "retry-after-ms", "X-Request-Id", "OpenAI-Organization", "Server", "Location"),
    *("WWW-Authenticate", "Set-Cookie", "x-ratelimit-limit-requests", "openai-processing-ms", "Link", "X-Key"),
)
FORMS = ("{}", "<html>{}</html>", "{{", "data: {}\n\n", "event: error\ndata: {}\n\n", "error: {}")
both_forms = pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])


def secrets_of(server: CaseServer) -> list[tuple[str, ...]]:
    """Three texts of an upstream, each as its parts."""
    address = server.upstream.base_url
    return [(KEY, address, address.removeprefix("http://").removesuffix("/v1")), (INSTRUCTIONS,), (PRIVATE_MODEL,)]


def shape_of(secrets: tuple[str, ...], number: int) -> Any:
    """One of the ways to repeat secrets in a field."""
    text = " ".join(secrets)
    shapes = [text, f"from {text}!", [text], {"a": {"b": [text]}}, {text: 1}, [{f"{text}.x": "y"}]]
    return shapes[number % len(shapes)]


def check(result: Result, secrets: tuple[str, ...]) -> None:
    row = {name: value for name, value in (result.row or {}).items() if name != "target_model"}
    if PRIVATE_MODEL in secrets:
        del row["upstream_model"]  # the operator's column for this name
    for text in (result.shown, str(row), result.log):
        for secret in secrets:
            assert secret.lower() not in text.lower().replace("\\/", "/"), text


def call(server: CaseServer, script: Script, *, is_stream: bool) -> Result:
    return server.post({**BODY, "stream": is_stream, "stream_options": {"include_usage": True}}, script)


def check_all(server: CaseServer, scripts: Iterable[tuple[tuple[str, ...], Script]], *, is_stream: bool) -> None:
    for secrets, script in scripts:
        check(call(server, script, is_stream=is_stream), secrets)


def name_of(path: Path) -> str:
    return ".".join(map(str, path))


@both_forms
@pytest.mark.parametrize("path", ANSWER_PATHS, ids=name_of)
def test_field_of_an_answer_shows_no_secret(case_server: CaseServer, path: Path, is_stream: bool) -> None:
    def scripts() -> Iterable[tuple[tuple[str, ...], Script]]:
        for number, secrets in enumerate(secrets_of(case_server), ANSWER_PATHS.index(path) + is_stream):
            body = answer_with(path, shape_of(secrets, number), is_stream=is_stream)
            yield secrets, partial(send, body=body)

    check_all(case_server, scripts(), is_stream=is_stream)


def send(exchange: Exchange, body: dict[str, Any]) -> None:
    if exchange.body["stream"]:
        exchange.stream(chunk({"content": "a"}), body)
    else:
        exchange.answer(body)


@both_forms
@pytest.mark.parametrize("status", [200, 400, 429, 500])
@pytest.mark.parametrize("path", ERROR_PATHS, ids=name_of)
def test_field_of_an_error_shows_no_secret(case_server: CaseServer, path: Path, status: int, is_stream: bool) -> None:
    def scripts() -> Iterable[tuple[tuple[str, ...], Script]]:
        for number, secrets in enumerate(secrets_of(case_server), ERROR_PATHS.index(path)):
            body: dict[str, Any] = {"object": "error"} if path[0] != "error" else {"error": {"message": "Too long."}}
            put(body, path, shape_of(secrets, number))
            yield secrets, partial(fail, body=body, status=status)

    check_all(case_server, scripts(), is_stream=is_stream)


def fail(exchange: Exchange, body: dict[str, Any], status: int) -> None:
    if status == 200 and exchange.body["stream"]:
        exchange.stream(chunk({"content": "a"}), body)
    else:
        exchange.answer(body, status)


@both_forms
@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize("header", HEADERS)
def test_header_shows_no_secret(case_server: CaseServer, header: str, status: int, is_stream: bool) -> None:
    def scripts() -> Iterable[tuple[tuple[str, ...], Script]]:
        for secrets in secrets_of(case_server):
            secret = " ".join(secrets)
            body = json.dumps(answer_with(("id",), "x", is_stream=False)).encode()
            lines = [f"HTTP/1.1 {status} {secret}", f"{header}: {secret}", f"Content-Length: {len(body)}", "", ""]
            answer = "\r\n".join(lines).encode() + body
            yield secrets, partial(Exchange.send, data=answer)

    check_all(case_server, scripts(), is_stream=is_stream)


@both_forms
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("status", [200, 400])
def test_body_that_is_no_json_shows_no_secret(case_server: CaseServer, form: str, status: int, is_stream: bool) -> None:
    def scripts() -> Iterable[tuple[tuple[str, ...], Script]]:
        for secrets in secrets_of(case_server):
            body = form.replace("{}", " ".join(secrets)).encode()
            yield secrets, partial(Exchange.answer, body=body, status=status)

    check_all(case_server, scripts(), is_stream=is_stream)


def test_check_finds_a_secret(case_server: CaseServer) -> None:
    body = answer_with(("id",), "x", is_stream=False)
    result = call(case_server, lambda exchange: send(exchange, body), is_stream=False)
    for secret in ("Hello", "chat"):
        with pytest.raises(AssertionError):
            check(result, (secret,))


@both_forms
def test_check_finds_a_secret_in_the_log_alone(case_server: CaseServer, is_stream: bool) -> None:
    body = {"error": {"message": "Disk full.", "type": "server_error"}}
    result = call(case_server, lambda exchange: fail(exchange, body, 500), is_stream=is_stream)
    assert "Disk full" not in result.shown
    with pytest.raises(AssertionError):
        check(result, ("Disk full",))


def test_fields_are_those_that_the_canary_must_cover() -> None:
    """Known fields by name, and at each level one that nobody knows."""
    named = {path[-1] for path in ANSWER_PATHS}
    assert {"id", "system_fingerprint", "finish_reason", "native_finish_reason", "stop_reason"} <= named
    places = {path[:-1] for path in ANSWER_PATHS if path[-1] == UNKNOWN}
    message = ("choices", 0, "message")
    levels = {(), ("choices", 0), message, ("choices", 0, "logprobs"), ("usage",), (*message, "tool_calls", 0)}
    assert levels <= places
    assert {path[:-1] for path in ERROR_PATHS if path[-1] == UNKNOWN} == {(), ("error",)}
