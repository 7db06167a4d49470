"""Runs one call through the backend and the chat dialect, without a server of ours or a database."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from openai.lib.streaming.chat._completions import accumulate_delta  # type: ignore[attr-defined]

from tests.wire.cases.case import PRIVATE_MODEL
from threadless.backends.openai import OpenAIBackend
from threadless.completions.account import Account
from threadless.dialects.base import error_body
from threadless.dialects.chat import ChatDialect
from threadless.exceptions import APIError
from threadless.types import Caller, Target, Usage

CALLER = Caller(user_id=None)
TARGET = Target(id="small", model=PRIVATE_MODEL, instructions="You are the agent of the kit shop.")
DIALECT = ChatDialect()


@dataclass(kw_only=True)
class Result:
    """What the client got, and what the row would hold."""

    content: bytes = b""
    """The body of a plain answer or of an error, or the whole stream."""
    error: APIError | None = None
    reason: str = ""
    usage: Usage | None = None
    message: dict[str, Any] = field(default_factory=dict)
    """The message of the first choice, of a stream as the official SDK combines it."""
    reasons: list[str] = field(default_factory=list)
    """The finish reasons that the client received."""

    @property
    def state(self) -> str:
        return "completed" if self.error is None else "failed"

    @property
    def shown(self) -> str:
        """Everything that the client saw, headers included."""
        return self.content.decode() + str(self.error.headers if self.error else {})

    @property
    def calls(self) -> list[tuple[str, str]]:
        parts = [call.get("function") or call["custom"] for call in self.message.get("tool_calls") or ()]
        texts = [part["arguments"] if "arguments" in part else part["input"] for part in parts]
        return [(part["name"], text) for part, text in zip(parts, texts, strict=True)]


def run(backend: OpenAIBackend, *, stream: bool, **fields: Any) -> Result:
    """One call of a client that asks for the usage."""
    body = {"model": "small", "messages": [{"role": "user", "content": "Hi"}], "stream": stream, **fields}
    if stream:
        body.setdefault("stream_options", {"include_usage": True})
    asked: Any = DIALECT.parse(json.dumps(body).encode(), "request-1")
    account = DIALECT.account(asked, TARGET)
    return (_stream if stream else _complete)(backend, asked, account)


def _complete(backend: OpenAIBackend, asked: Any, account: Account) -> Result:
    result = Result()
    try:
        result.content = DIALECT.answer(DIALECT.call(backend, asked, TARGET, CALLER), account, asked, TARGET)
    except APIError as error:
        result.error, result.content = error, json.dumps(error_body(error)).replace('": ', '":').encode()
    else:
        choice = json.loads(result.content)["choices"][0]
        result.message, result.reasons = choice["message"], [choice["finish_reason"]]
    return _filled(result, account, has_output=result.error is None)


def _stream(backend: OpenAIBackend, asked: Any, account: Account) -> Result:
    result = Result()
    encoder = DIALECT.encoder(account, asked, TARGET)
    try:
        for item in DIALECT.stream(backend, asked, TARGET, CALLER):
            result.content += encoder.encode(item)
        result.content += encoder.end() + encoder.done
    except APIError as error:
        result.error = error
        result.content += encoder.failure(error)
    for event in filter(None, result.content.decode().removesuffix("data: [DONE]\n\n").split("\n\n")):
        for choice in json.loads(event.removeprefix("data: ")).get("choices", ()):
            result.message = added(result.message, choice["delta"])
            result.reasons += filter(None, [choice["finish_reason"]])
    return _filled(result, account, has_output=b"choices" in result.content)


def added(message: Any, delta: Any) -> Any:
    """As the official SDK combines deltas."""
    return accumulate_delta(message, delta)


def _filled(result: Result, account: Account, *, has_output: bool) -> Result:
    result.reason = account.finish_reason
    result.usage = account.owed(has_failed=result.error is not None, has_output=has_output)
    return result
