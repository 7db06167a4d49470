"""Checks that an answer is complete and correct. Runs after the measurement, so it costs nothing during it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from benchmarks import payloads


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int


class _Body(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: msgspec.Raw | None = None


_decode: Final = msgspec.json.Decoder(_Body).decode


def fault(kind: str, response: bytes) -> str:
    """What is wrong with an HTTP response to a call of this kind; empty if it is correct."""
    head, _, body = response.partition(b"\r\n\r\n")
    status = head[9:12].decode()
    if kind == payloads.FAIL:
        return "" if status.startswith("5") else f"status {status} for a failed call"
    if status != "200":
        return f"status {status}"
    if b"transfer-encoding: chunked" in head.lower():
        body = b"".join(_unchunked(body))
    try:
        return _stream_fault(body) if kind in payloads.STREAMS else _answer_fault(_decode(body))
    except msgspec.MsgspecError as error:
        return f"no such JSON: {error}"


def _answer_fault(body: _Body) -> str:
    texts = [choice.message.content for choice in body.choices if choice.message]
    return _usage_fault(body.usage) if texts == [payloads.ANSWER] else "other text"


def _stream_fault(body: bytes) -> str:
    data = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
    if not body.endswith(b"\n\n") or not data or data[-1] != b"[DONE]":
        return "no [DONE] at the end"
    chunks = [_decode(item) for item in data[:-1]]
    words = [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta]
    if [word for word in words if word] != payloads.WORDS:
        return f"{sum(map(bool, words))} chunks with text, or in another order"
    if [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] != ["stop"]:
        return "no single finish_reason"
    return _usage_fault(next((chunk.usage for chunk in reversed(chunks) if chunk.usage), None))


def _usage_fault(usage: _Usage | None) -> str:
    wanted = _Usage(payloads.USAGE["prompt_tokens"], payloads.USAGE["completion_tokens"])
    return "" if usage == wanted else "other usage"


def _unchunked(body: bytes) -> Iterator[bytes]:
    place = 0
    while size := int(body[place : (line := body.index(b"\r\n", place))], 16):
        yield body[line + 2 : line + 2 + size]
        place = line + 2 + size + 2
