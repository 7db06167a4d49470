"""A failed call leaves one record at WARNING or above, with its request id; a refused one leaves one at DEBUG."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError
from django.views.debug import ExceptionReporter

from tests.support import factories
from tests.support.bodies import chunk, completion, event
from tests.support.client import PATH, body_of
from tests.support.serving import free_port
from tests.support.upstream import Exchange, ScriptedUpstream
from threadless.calls.running import wait_for_calls
from threadless.models import UsageRecord
from threadless.testing import CompletionClient
from threadless.usage.recorder import DatabaseUsageRecorder

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "canary7f3e9d"
WAIT = 10
ERROR = {"error": {"message": CANARY, "type": "server_error", "code": "fire"}}
FUNCTION = "threadless.backends.function.FunctionBackend"
both_kinds = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


class AwayRecorder(DatabaseUsageRecorder):
    """The database is away when a row is opened."""

    def open(self, opening: Any) -> Any:
        raise OperationalError("connection refused\nIs the server running?")


class ForgetfulRecorder(DatabaseUsageRecorder):
    """A host's, with a bug."""

    def settle(self, entry: Any, outcome: Any) -> None:
        raise ValueError("of a recorder")


def break_at_once(payload: Any, caller: Any) -> Any:
    question = payload["messages"][-1]["content"]
    raise ValueError(f"unexpected, in {len(question)} characters")


def break_later(payload: Any, caller: Any) -> Iterator[str]:
    yield payload["messages"][-1]["content"]
    raise ValueError("unexpected")


def fail_in_answer(exchange: Exchange) -> None:
    if not exchange.body.get("stream"):
        exchange.answer(ERROR)
        return
    exchange.start()
    exchange.event(chunk({"content": CANARY}))
    exchange.event(ERROR)
    exchange.end()


def begin(exchange: Exchange) -> None:
    """The first part of an answer in the form that was asked for."""
    is_stream = exchange.body.get("stream")
    exchange.start(content_type="text/event-stream" if is_stream else "application/json")
    exchange.chunk(event(chunk({"content": CANARY})) if is_stream else b'{"choices": [')


def cut_in_answer(exchange: Exchange) -> None:
    begin(exchange)
    exchange.cut()


def be_silent_in_answer(exchange: Exchange) -> None:
    begin(exchange)
    exchange.wait_closed(WAIT)


def break_in_answer(exchange: Exchange) -> None:
    begin(exchange)
    exchange.chunk(b'data: {"choices": [}\n\n')
    exchange.end()


def abort(exchange: Exchange) -> None:
    if exchange.body.get("stream"):
        exchange.stream(chunk({"content": CANARY}), chunk(finish_reason="abort"))
        return
    message = {"role": "assistant", "content": CANARY}
    exchange.answer(completion(choices=[{"index": 0, "message": message, "finish_reason": "abort"}]))


def keep_silent(exchange: Exchange) -> None:
    exchange.wait_closed(WAIT)


SCRIPTS: dict[str, Callable[[Exchange], None]] = {
    "upstream 500": lambda exchange: exchange.answer(ERROR, 500),
    "upstream 400": lambda exchange: exchange.answer(ERROR, 400),
    "upstream 401": lambda exchange: exchange.answer(ERROR, 401),
    "upstream silent": keep_silent,
    "upstream cut": lambda exchange: exchange.cut(),
    "upstream not JSON": lambda exchange: exchange.answer(f"<html>{CANARY}".encode()),
    "error in the answer": fail_in_answer,
    "upstream 429": lambda exchange: exchange.answer(ERROR, 429),
    "upstream 503": lambda exchange: exchange.answer(ERROR, 503),
    "no answer of HTTP": lambda exchange: exchange.send(b"220 smtp ready\r\n\r\n"),
    "cut in the answer": cut_in_answer,
    "silent in the answer": be_silent_in_answer,
    "malformed in the answer": break_in_answer,
    "reason that means a failure": abort,
}
ADDRESSES: dict[str, str] = {"upstream down": "http://127.0.0.1:{free}/v1", "no TLS": "https://127.0.0.1:{port}/v1"}
"""Backends that cannot connect: nobody listens, or somebody who does not speak TLS."""
SETTINGS: dict[str, dict[str, Any]] = {
    "bug": {"BACKENDS": {"default": {"BACKEND": FUNCTION, "OPTIONS": {"function": break_at_once}}}},
    "late bug": {"BACKENDS": {"default": {"BACKEND": FUNCTION, "OPTIONS": {"function": break_later}}}},
    "database away": {"USAGE_RECORDER": AwayRecorder},
    "recorder with a bug": {"USAGE_RECORDER": ForgetfulRecorder},
    "too much in flight": {"MAX_BYTES_IN_FLIGHT": 1},
    "cache away": {"CACHE_FAILURE": "refuse", "REQUESTS_PER_MINUTE": 9, "TOKENS_PER_MINUTE": 9},
}


class Host:
    """A client, the upstream, and what has been logged."""

    def __init__(self, upstream: ScriptedUpstream, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
        self.upstream, self._settings, self._log = upstream, settings, caplog
        self.secret = factories.make_key()[1]
        self.client = CompletionClient(self.secret, raise_request_exception=False)

    def set(self, **values: Any) -> None:
        """Change our settings."""
        self._settings.THREADLESS = {**self._settings.THREADLESS, **values}

    def post(self, content: bytes, **headers: str) -> Any:
        """A call to its end; the response."""
        response = self.client.post(PATH, content, content_type="application/json", headers=headers)
        b"".join(response)
        response.close()
        assert wait_for_calls(WAIT)
        return response

    @property
    def records(self) -> list[logging.LogRecord]:
        """All of them at WARNING or above, from any logger."""
        return [record for record in self._log.records if record.levelno >= logging.WARNING]

    @property
    def own_records(self) -> list[logging.LogRecord]:
        """Ours and those of Django's requests, at every level."""
        return [record for record in self._log.records if record.name.startswith(("threadless", "django.request"))]


@pytest.fixture
def host(settings: Any, caplog: pytest.LogCaptureFixture) -> Iterator[Host]:
    """A host before a scripted upstream."""
    for logger in ("", "django.request", "threadless"):
        caplog.set_level(logging.DEBUG, logger)
    with ScriptedUpstream() as upstream:
        options = {"base_url": upstream.base_url, "first_byte_seconds": 0.3, "between_chunks_seconds": 0.3}
        backend = {"BACKEND": "threadless.backends.openai.OpenAIBackend", "OPTIONS": options}
        settings.THREADLESS = {**settings.THREADLESS, "BACKENDS": {"default": backend}}
        yield Host(upstream, settings, caplog)


def fail(host: Host, settings: Any, kind: str, *, stream: bool) -> str:
    """Let a call fail in this way; the id that the record must have."""
    host.upstream.script(SCRIPTS.get(kind, lambda exchange: exchange.answer(completion())))
    host.set(**SETTINGS.get(kind, {}))
    if kind in ADDRESSES:
        options = {"base_url": ADDRESSES[kind].format(free=free_port(), port=host.upstream.port)}
        host.set(BACKENDS={"default": {"BACKEND": "threadless.backends.openai.OpenAIBackend", "OPTIONS": options}})
    if kind == "cache away":
        settings.CACHES = {"default": {"BACKEND": "tests.support.broken_cache.BrokenCache"}}
    response = host.post(json.dumps(body_of(CANARY, stream=stream)).encode())
    return str(response["x-request-id"])


@both_kinds
@pytest.mark.parametrize("kind", [*SCRIPTS, *ADDRESSES, *SETTINGS])
def test_failed_call_leaves_one_record_with_its_id(host: Host, settings: Any, kind: str, stream: bool) -> None:
    request_id = fail(host, settings, kind, stream=stream)
    assert [request_id in record.getMessage() for record in host.records] == [True]


@both_kinds
@pytest.mark.parametrize("kind", [*SCRIPTS, *ADDRESSES, *SETTINGS])
def test_records_hold_neither_what_was_said_nor_the_key(host: Host, settings: Any, kind: str, stream: bool) -> None:
    fail(host, settings, kind, stream=stream)
    lines = [logging.Formatter().format(record) for record in host.records]
    assert [line for line in lines if CANARY in line or host.secret in line] == []


@both_kinds
@pytest.mark.parametrize("kind", ["bug", "late bug"])
def test_error_report_holds_neither_what_was_said_nor_the_key(
    host: Host, settings: Any, kind: str, stream: bool
) -> None:
    fail(host, settings, kind, stream=stream)
    (record,) = host.records
    assert record.exc_info
    report = ExceptionReporter(getattr(record, "request", None), *record.exc_info)
    html = report.get_traceback_html()
    assert "break_" in html
    assert (CANARY in html, host.secret in html) == (False, False)
    assert (CANARY in report.get_traceback_text(), host.secret in report.get_traceback_text()) == (False, False)


@both_kinds
def test_database_that_is_away_leaves_no_traceback(host: Host, settings: Any, stream: bool) -> None:
    fail(host, settings, "database away", stream=stream)
    (record,) = host.records
    assert not record.exc_info
    assert "\n" not in record.getMessage()


def test_record_has_our_id_and_not_that_of_the_client(host: Host) -> None:
    host.upstream.script(SCRIPTS["upstream 500"])
    host.post(json.dumps(body_of()).encode(), **{"X-Request-Id": "theirs"})
    (record,) = host.records
    assert UsageRecord.objects.get().request_id in record.getMessage()


def test_record_of_an_upstream_failure_says_what_an_operator_looks_for(host: Host) -> None:
    error = {"message": "No such\ndeployment.", "type": "not_found", "code": "deployment_unknown"}
    host.upstream.script(lambda exchange: exchange.answer({"error": error}, 404))
    host.post(json.dumps(body_of()).encode())
    (record,) = host.records
    detail = "status 404, type 'not_found', code 'deployment_unknown': No such deployment."
    assert re.search(rf"backend 'default', \d+\.\d{{3}} s: {re.escape(detail)}$", record.getMessage())


@pytest.mark.parametrize("quoted", ["My name is Ann", "Ann", 'is "Ann"\\n', "ann"])
def test_record_leaves_out_a_text_that_repeats_the_client(host: Host, quoted: str) -> None:
    error = {"message": quoted, "code": "odd"}
    host.upstream.script(lambda exchange: exchange.answer({"error": error}, 400))
    host.post(json.dumps(body_of("Hello. My name is Ann.")).encode())
    (record,) = host.records
    assert record.getMessage().endswith("status 400, code 'odd'")


REFUSED: dict[str, tuple[bytes, dict[str, str], int]] = {
    "not JSON": (b"{", {}, 400),
    "invalid": (json.dumps(body_of(temperature="hot")).encode(), {}, 400),
    "unknown model": (json.dumps(body_of(model="unknown")).encode(), {}, 404),
    "too large": (b" " * 2000, {}, 413),
    "media type": (b"", {"Content-Encoding": "gzip"}, 415),
    "wrong key": (b"{}", {"Authorization": "Bearer wrong"}, 401),
}


@pytest.mark.parametrize(("content", "headers", "status"), REFUSED.values(), ids=REFUSED)
def test_refused_call_leaves_one_record_at_debug_level(
    host: Host, content: bytes, headers: dict[str, str], status: int
) -> None:
    host.set(MAX_BODY_BYTES=1000)
    response = host.post(content, **headers)
    assert response.status_code == status
    assert host.records == []
    assert [(record.levelname, response["x-request-id"] in record.getMessage()) for record in host.own_records] == [
        ("DEBUG", True)
    ]


def test_refused_rate_leaves_one_record_at_debug_level(host: Host) -> None:
    host.set(REQUESTS_PER_MINUTE=1)
    content = json.dumps(body_of()).encode()
    assert [host.post(content).status_code for _ in range(2)] == [200, 429]
    assert host.records == []
    assert [record.levelname for record in host.own_records] == ["DEBUG"]
