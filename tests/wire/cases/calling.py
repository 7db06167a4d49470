"""Calls a server with a case, and reads what the client, the row and the log got."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from openai.lib.streaming.chat._completions import accumulate_delta  # type: ignore[attr-defined]

from tests.support.client import Client, Reply
from tests.support.ledger import Ledger, Row
from tests.support.serving import Host, Server
from tests.support.upstream import Exchange, Script, ScriptedUpstream
from tests.wire.cases import CASES_BY_ID
from tests.wire.cases.case import Case

_RECORD = re.compile(r"^\S+ \S+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) (\S+): (.*)$", re.MULTILINE)
_USUAL_LINES = re.compile(r"data: (.*)\n\n")


@dataclass(frozen=True, kw_only=True)
class CaseServer:
    """The host of the cases on a server, and its upstream."""

    host: Host
    server: Server
    upstream: ScriptedUpstream

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.host.env["DATABASE_URL"])

    def call(self, case: Case, *, is_stream: bool) -> Result:
        """One call of a case to its end."""
        return self.post(body_of(case, is_stream=is_stream), answer_case, has_row=case.expected.state != "refused")

    def post(self, body: dict[str, Any], script: Script, *, has_row: bool = True) -> Result:
        """One call to its end, before an upstream with this script."""
        self.upstream.forget()
        self.upstream.script(script)
        start = self.server.log.stat().st_size
        with Client(self.server.port, self.host.key) as client:
            reply = client.post(body)
        row = self.ledger.settled_row(reply.headers["x-request-id"]) if has_row else None
        log = self.server.log.read_bytes()[start:].decode()
        sent = self.upstream.exchanges[-1].body if self.upstream.exchanges else {}
        return Result(reply, row, log, sent)


def body_of(case: Case, *, is_stream: bool) -> dict[str, Any]:
    """The request of a client that asks for the usage."""
    has_target = case.target or case.refuses or case.returned is not None
    usual = {"model": case.id if has_target else "small", "messages": [{"role": "user", "content": "Hi"}]}
    streaming = {"stream": True, "stream_options": {"include_usage": True}} if is_stream else {}
    return {**usual, "prompt_cache_key": case.id, **streaming, **case.request}


def answer_case(exchange: Exchange) -> None:
    """What the upstream of the case that the request names answers."""
    body = exchange.body
    case = CASES_BY_ID[body["prompt_cache_key"]]
    if case.refuses and case.refuses[0] in body:
        _, refusal, status = case.refuses
        exchange.answer(refusal, status)
        return
    data = case.body(is_stream=bool(body.get("stream")))
    assert data is not None
    exchange.send(response_of(case, data, is_stream=bool(body.get("stream"))))
    exchange.end()


def response_of(case: Case, data: bytes, *, is_stream: bool) -> bytes:
    """The whole HTTP response of the upstream."""
    kind = case.content_type or ("text/event-stream" if is_stream else "application/json")
    headers = {**case.headers, "Content-Type": kind, "Content-Length": str(len(data))}
    lines = [f"HTTP/1.1 {case.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + data


def _records(log: str, request_id: str) -> list[tuple[str, str]]:
    """Level and text of each record with this id."""
    return [(level, text) for level, _, text in _RECORD.findall(log) if request_id in text]


def _added(message: Any, delta: Any) -> Any:
    """As the official SDK combines deltas."""
    return accumulate_delta(message, delta)


class Result:
    """What came of one call."""

    def __init__(self, reply: Reply, row: Row | None, log: str, sent: dict[str, Any]) -> None:
        self.reply, self.row, self.log, self.sent = reply, row, log, sent
        self.records = _records(log, reply.headers["x-request-id"])
        self.is_stream = reply.headers["Content-Type"].startswith("text/event-stream")
        text = reply.content.decode()
        self.is_done = text.endswith("data: [DONE]\n\n")
        events = _USUAL_LINES.findall(text.removesuffix("data: [DONE]\n\n")) if self.is_stream else [text]
        self.bodies: list[dict[str, Any]] = [json.loads(event) for event in events]
        self.message: dict[str, Any] = {}
        self.reasons: list[str] = []
        for body in self.bodies:
            for choice in body.get("choices", ()):
                part = choice.get("delta") or choice.get("message") or {}
                self.message = _added(self.message, part) if self.is_stream else part
                self.reasons += filter(None, [choice["finish_reason"]])

    @property
    def error(self) -> dict[str, Any] | None:
        """The error at the end."""
        return self.bodies[-1].get("error") if self.bodies else None

    @property
    def shown(self) -> str:
        """Everything that the client saw, headers included."""
        return self.reply.content.decode() + str(self.reply.headers)

    @property
    def kept(self) -> str:
        """Everything in the row and the log."""
        hidden = ("target_model", "upstream_model")  # the operator's
        row = {name: value for name, value in (self.row or {}).items() if name not in hidden}
        return f"{row} {self.log}"

    @property
    def calls(self) -> list[tuple[str, str]]:
        parts = [call.get("function") or call["custom"] for call in self.message.get("tool_calls") or ()]
        texts = [part["arguments"] if "arguments" in part else part["input"] for part in parts]
        return [(part["name"], text) for part, text in zip(parts, texts, strict=True)]
