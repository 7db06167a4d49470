"""Requests and answers of every run. The mock upstream sends the answers, and the load generator checks them."""

from __future__ import annotations

import base64
from typing import Any, Final

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
AGENT_MESSAGES: Final = 150
AGENT_TOOLS: Final = 30
IMAGE_BYTES: Final = 4_000_000
"""Size of an image; its base64 form is a third larger."""
_TOOL_RESULT: Final = 'def total(items):\n    return sum(item["price"] for item in items)  # é, [1, 2], {"a": 1}\n' * 79

JSON: Final = "json"
LARGE: Final = "large"
AGENT: Final = "agent"
"""A late turn of an agent: 150 messages, most of them tool calls and their results, and 30 tools; 600 KB."""
AGENT_STREAM: Final = "agent-stream"
IMAGE: Final = "image"
"""An image of 4 MB, answered late enough that all calls of a run are held at the same time."""
SLOW: Final = "slow"
"""A small JSON call, answered after ten seconds."""
BURST: Final = "burst"
PACED: Final = "paced"
FAIL: Final = "fail"
LEAVE: Final = "leave"
STREAMS: Final = frozenset({AGENT_STREAM, BURST, PACED, LEAVE})

MODELS: Final = {
    JSON: "bench",
    LARGE: "bench",
    AGENT: "bench",
    AGENT_STREAM: "bench-burst",
    BURST: "bench-burst",
    FAIL: "bench-fail",
    IMAGE: "bench-image",
    LEAVE: "bench-paced",
    PACED: "bench-paced",
    SLOW: "bench-slow",
}
"""Kind of call → model, which tells the mock upstream how to answer."""
MODEL_NAMES: Final = ",".join(sorted(set(MODELS.values())))
DELAYS: Final = {MODELS[IMAGE]: 2.0, MODELS[SLOW]: 10.0}
"""Model → seconds until its plain answer."""
KIND_SECONDS: Final = {PACED: STREAM_SECONDS, IMAGE: DELAYS[MODELS[IMAGE]], SLOW: DELAYS[MODELS[SLOW]]}
"""Kind → seconds that its answer takes at any server; all others are answered at once."""

_AGENTS: Final = frozenset({AGENT, AGENT_STREAM})
_encode: Final = msgspec.json.encode


def request_body(kind: str) -> bytes:
    """The body of a call of this kind."""
    body: dict[str, object] = {"model": MODELS[kind], "messages": _messages(kind), "temperature": 0.7}
    if kind in _AGENTS:
        body["tools"] = [_tool(number) for number in range(AGENT_TOOLS)]
    if kind in STREAMS:
        # Every client asks for the usage, so that no gateway has to count tokens.
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return _encode(body)


def _messages(kind: str) -> list[dict[str, object]]:
    if kind == IMAGE:
        return [{"role": "user", "content": _image()}]
    if kind in _AGENTS:
        turns = (message for number in range(AGENT_MESSAGES // 2 - 1) for message in _turn(number))
        return [*_messages(JSON), *turns]
    if kind != LARGE:
        return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is the answer?"}]
    roles = ("user", "assistant")
    return [{"role": roles[number % 2], "content": _LARGE_TEXT} for number in range(LARGE_MESSAGES)]


def _image() -> list[dict[str, object]]:
    """A question about an image, as the two parts of a message."""
    data = base64.b64encode(bytes(range(256)) * (IMAGE_BYTES // 256)).decode()
    image: dict[str, object] = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    return [{"type": "text", "text": "What is in this image?"}, image]


def _turn(number: int) -> list[dict[str, object]]:
    """A tool call and its result."""
    arguments = f'{{"path": "src/module_{number}.py", "lines": 200}}'
    function = {"name": f"tool_{number % AGENT_TOOLS}", "arguments": arguments}
    call: dict[str, object] = {"id": f"call_{number}", "type": "function", "function": function}
    result: dict[str, object] = {"role": "tool", "tool_call_id": f"call_{number}", "content": _TOOL_RESULT}
    return [{"role": "assistant", "content": None, "tool_calls": [call]}, result]


def _tool(number: int) -> dict[str, object]:
    properties: dict[str, object] = {
        f"field_{field}": {"type": "string", "description": "What the field means, in a sentence.", "enum": ["a", "b"]}
        for field in range(6)
    }
    parameters = {"type": "object", "properties": properties, "required": ["field_0"], "additionalProperties": False}
    description = "What the tool does, when to use it, and what it returns. " * 4
    function = {"name": f"tool_{number}", "description": description, "parameters": parameters, "strict": True}
    return {"type": "function", "function": function}


def completion() -> bytes:
    """The upstream's plain answer."""
    message: dict[str, Any] = {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _encode(_head("chat.completion") | {"choices": [choice], "usage": USAGE})


def events() -> list[bytes]:
    """The upstream's stream, one item per event. The last item has everything after the last word."""
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
