"""A canary: what was said in a run, and every secret of it, is found nowhere afterwards but in the answers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from tests.servers.rig import Rig, rig
from tests.support.bodies import chunk, chunks_of, completion
from tests.support.upstream import UPSTREAM_KEY, Exchange

CANARY = "canary7f3e9d"
TOOL = {"type": "function", "function": {"name": f"tool_{CANARY}", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": f"call_{CANARY}", "type": "function", "function": {"name": f"tool_{CANARY}", "arguments": f'"{CANARY}"'}}
MESSAGES = [
    {"role": "system", "content": f"system {CANARY}"},
    {"role": "user", "content": [{"type": "text", "text": f"user {CANARY}"}]},
]
HISTORY = [
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": f"call_{CANARY}", "content": CANARY},
]
LEAKY_ERROR = {"error": {"message": f"{CANARY}: bad key {UPSTREAM_KEY}", "type": "server_error", "code": "fire"}}


def say_it(exchange: Exchange) -> None:
    """Whole or in pieces, as asked."""
    if exchange.body["stream"]:
        exchange.stream(*chunks_of(f"answer {CANARY}"))
    else:
        exchange.answer(completion(f"answer {CANARY}"))


def cut_it(exchange: Exchange) -> None:
    exchange.start()
    exchange.event(chunk({"content": CANARY}))
    exchange.cut()


def fail_in_stream(exchange: Exchange) -> None:
    exchange.start()
    exchange.event(chunk({"content": CANARY}))
    exchange.event(LEAKY_ERROR)
    exchange.end()


CALLS: dict[str, tuple[Any, dict[str, Any]]] = {
    "plain": (say_it, {"stream": False}),
    "stream": (say_it, {"stream": True}),
    "tools": (say_it, {"stream": False, "tools": [TOOL], "messages": [*MESSAGES, *HISTORY]}),
    "unknown-model": (say_it, {"model": f"model-{CANARY}"}),
    "broken-history": (say_it, {"messages": [*MESSAGES, HISTORY[1]]}),
    "wrong-type": (say_it, {"messages": [{"role": "user", "content": {"text": CANARY}}]}),
    "failing": (lambda exchange: exchange.answer(LEAKY_ERROR, 500), {"stream": False}),
    "refusing": (lambda exchange: exchange.answer(LEAKY_ERROR, 400), {"stream": False}),
    "unauthorized": (lambda exchange: exchange.answer(LEAKY_ERROR, 401), {"stream": True}),
    "not-json": (lambda exchange: exchange.answer(f"<html>{CANARY}".encode()), {"stream": False}),
    "broken-chunk": (lambda exchange: exchange.stream(f"data: {{{CANARY}\n\n".encode()), {"stream": True}),
    "failing-stream": (fail_in_stream, {"stream": True}),
    "cut": (cut_it, {"stream": True}),
    "bug": (say_it, {"stream": False, "user": "bug"}),
    "bug-stream": (say_it, {"stream": True, "user": "bug"}),
}


@pytest.fixture(scope="module", params=["gevent", "uvicorn"])
def afterwards(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rig, bytes]]:
    """A host after all these calls, and all response heads that were seen."""
    backend = {"BACKEND": "tests.servers.failing_backend.BuggyLLM"}
    folder = tmp_path_factory.mktemp("host")
    with rig(request.param, folder, BACKEND=backend, MAIL=str(folder / "mail")) as made:
        heads = b"".join(head_of(made, name) for name in CALLS) + head_of(made, "stranger", key=f"harbour_{CANARY}")
        yield made, heads


def head_of(made: Rig, name: str, key: str = "") -> bytes:
    """Make the call to its end; the head of its answer."""
    script, fields = CALLS.get(name, (say_it, {}))
    made.upstream.script(script)
    authorization = {"Authorization": f"Bearer {key}"} if key else {}
    with made.connect() as client:
        client.post(f"run-{name}", authorization, **{"messages": MESSAGES} | fields)
        head = client.read_until(b"\r\n\r\n")
        client.read_rest()
    return head


def secrets_of(made: Rig) -> list[bytes]:
    """What must not be found: the words of the run, the caller's key, the upstream's key, the site's own."""
    return [CANARY.encode(), made.host.key.encode(), UPSTREAM_KEY.encode(), made.host.env["SECRET_KEY"].encode()]


def found_in(data: bytes, made: Rig) -> list[bytes]:
    """Every line with a secret."""
    return [line for line in data.splitlines() if any(secret in line for secret in secrets_of(made))]


def test_no_table_holds_what_was_said_or_a_secret(afterwards: tuple[Rig, bytes]) -> None:
    made, _ = afterwards
    with closing(sqlite3.connect(made.host.env["DATABASE_URL"].removeprefix("sqlite:///"))) as database:
        dump = "\n".join(database.iterdump())

    assert 'INSERT INTO "threadless_usagerecord"' in dump
    assert found_in(dump.encode(), made) == []


def test_no_log_line_holds_what_was_said_or_a_secret(afterwards: tuple[Rig, bytes]) -> None:
    made, _ = afterwards
    log = made.server.log_text()

    assert "RuntimeError: something in the host went wrong" in log
    assert found_in(log.encode(), made) == []


def test_no_error_report_holds_what_was_said_or_a_secret(afterwards: tuple[Rig, bytes]) -> None:
    made, _ = afterwards
    folder = Path(json.loads(made.host.env["TEST_SETTINGS"])["MAIL"])
    reports = [part for path in folder.iterdir() for part in parts_of(path)]

    assert any(b"<h2>Traceback" in report and b"something in the host went wrong" in report for report in reports)
    assert [line for report in reports for line in found_in(report, made)] == []


def parts_of(path: Path) -> list[bytes]:
    """The decoded texts of a file of mails."""
    mails = [message_from_bytes(mail.strip()) for mail in path.read_bytes().split(b"-" * 79) if mail.strip()]
    leaves = [part for mail in mails for part in mail.walk() if not part.is_multipart()]
    return [part.get_payload(decode=True) for part in leaves]  # type: ignore[misc]


def test_no_header_holds_what_was_said_or_a_secret(afterwards: tuple[Rig, bytes]) -> None:
    made, heads = afterwards

    assert heads.count(b"x-request-id") == len(CALLS) + 1
    assert found_in(heads, made) == []


def test_upstream_sees_its_own_key_and_not_the_callers(afterwards: tuple[Rig, bytes]) -> None:
    made, _ = afterwards
    exchange = made.upstream.exchanges[0]

    assert exchange.headers["Authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert made.host.key not in f"{exchange.headers}{exchange.raw_body!r}"


def test_canary_was_in_every_call_that_reached_the_upstream(afterwards: tuple[Rig, bytes]) -> None:
    made, _ = afterwards
    refused_here = {"unknown-model", "broken-history", "wrong-type", "bug", "bug-stream"}

    assert len(made.upstream.exchanges) == len(CALLS.keys() - refused_here)
    assert all(CANARY.encode() in exchange.raw_body for exchange in made.upstream.exchanges)


def test_error_body_holds_no_secret(tmp_path: Path) -> None:
    with rig("gevent", tmp_path) as made, made.connect() as client:
        made.upstream.script(lambda exchange: exchange.answer(LEAKY_ERROR, 400))
        answer = client.post("refused", messages=MESSAGES).read_rest()

    assert b"400" in answer
    assert UPSTREAM_KEY.encode() not in answer
    assert made.upstream.base_url.encode() not in answer
