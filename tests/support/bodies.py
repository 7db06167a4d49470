"""What a usual upstream sends: answers, chunks, events."""

from __future__ import annotations

import json
from typing import Any

ID = "chatcmpl-upstream"
MODEL = "private-deployment-7"
CREATED = 1_700_000_000
USAGE = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}


def completion(text: str | None = "Hello there", **fields: Any) -> dict[str, Any]:
    """A whole answer; `fields` replace those of the body."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    head = {"id": ID, "object": "chat.completion", "created": CREATED, "model": MODEL}
    return {**head, "choices": [choice], "usage": USAGE, **fields}


def chunk(delta: dict[str, Any] | None = None, finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    """One chunk with one choice; `fields` replace those of the chunk."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish_reason}
    head = {"id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": MODEL}
    return {**head, "choices": [choice], **fields}


def usage_chunk() -> dict[str, Any]:
    """The last chunk of an upstream that was asked for the usage."""
    return chunk(choices=[], usage=USAGE)


def chunks_of(*texts: str) -> list[dict[str, Any]]:
    """A usual stream: the role, the texts, the finish reason, the usage."""
    first, last = chunk({"role": "assistant", "content": ""}), chunk(finish_reason="stop")
    return [first, *(chunk({"content": text}) for text in texts), last, usage_chunk()]


def event(body: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: %b\n\n" % json.dumps(body).encode()


DONE = b"data: [DONE]\n\n"
