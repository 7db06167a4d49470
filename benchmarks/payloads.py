"""What is sent and answered in every run, made once: the mock upstream sends it and the load generator checks it."""

from __future__ import annotations

from typing import Final

import msgspec

CHUNKS: Final = 200
"""Chunks with text in each stream."""
CHUNKS_PER_SECOND: Final = 20
STREAM_SECONDS: Final = CHUNKS / CHUNKS_PER_SECOND
USAGE: Final = {"prompt_tokens": 9, "completion_tokens": 200, "total_tokens": 209}
ANSWER: Final = "The answer is forty-two. " * 8
WORDS: Final = [f"word{number:04d} " for number in range(CHUNKS)]
LARGE_MESSAGES: Final = 50
_LARGE_TEXT: Final = 'A line of a long history, with é, "quotes" and line ends.\n' * 66

JSON: Final = "json"
LARGE: Final = "large"
BURST: Final = "burst"
PACED: Final = "paced"
FAIL: Final = "fail"
LEAVE: Final = "leave"
STREAMS: Final = frozenset({BURST, PACED, LEAVE})

MODELS: Final = {JSON: "bench", LARGE: "bench", BURST: "bench-burst", PACED: "bench-paced", FAIL: "bench-fail"}
MODELS[LEAVE] = MODELS[PACED]
"""Kind of call → model to ask for; the upstream knows by it how to answer."""

_encode: Final = msgspec.json.encode


def request_body(kind: str) -> bytes:
    """The body of a call of this kind."""
    body: dict[str, object] = {"model": MODELS[kind], "messages": _messages(kind), "temperature": 0.7}
    if kind in STREAMS:
        # Asked for by every client, so that no gateway has to count tokens itself.
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return _encode(body)


def _messages(kind: str) -> list[dict[str, str]]:
    if kind != LARGE:
        return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is the answer?"}]
    roles = ("user", "assistant")
    return [{"role": roles[number % 2], "content": _LARGE_TEXT} for number in range(LARGE_MESSAGES)]


def completion() -> bytes:
    """The upstream's plain answer."""
    message = {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _encode(_head("chat.completion") | {"choices": [choice], "usage": USAGE})


def events() -> list[bytes]:
    """The upstream's stream, one item an event; the last one holds all that follows the last word."""
    head = _head("chat.completion.chunk")

    def event(choices: list[dict[str, object]], usage: dict[str, int] | None) -> bytes:
        return b"data: " + _encode(head | {"choices": choices, "usage": usage}) + b"\n\n"

    made = []
    for number, word in enumerate(WORDS):
        delta = {"role": "assistant", "content": word} if number == 0 else {"content": word}
        made.append(event([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}], None))
    end = event([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}], None)
    return [*made, end + event([], USAGE) + b"data: [DONE]\n\n"]


def _head(kind: str) -> dict[str, object]:
    named = {"id": "chatcmpl-BxQ1m0Zb2Kc3Vd4We5Xf6Yg7Zh8", "object": kind, "created": 1764000000}
    return named | {"model": "bench-2026-11-01", "service_tier": "default", "system_fingerprint": "fp_a1b2c3d4e5"}
