"""One streamed call to the endpoint over HTTP, and its usage record."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Final

import requests

from project.quickstart.demo_data import Demo
from project.quickstart.server import own_machine
from threadless.models import UsageRecord

QUESTION: Final = "What is the capital of France?"
_SILENCE_SECONDS: Final = 120.0
_SETTLE_SECONDS: Final = 10.0
_LOOK_EVERY_SECONDS: Final = 0.05
_COLUMNS: Final = (
    "request_id", "key_label", "model", "target_kind", "target_model", "state", "http_status", "finish_reason",
    "prompt_tokens", "completion_tokens", "usage_source", "first_token_ms", "duration_ms",
)  # fmt: skip


class CallFailed(Exception):
    """The endpoint did not answer correctly."""


def stream_answer(address: str, demo: Demo) -> Iterator[str]:
    """The pieces of the answer as they arrive; raises `CallFailed`."""
    body = {"model": demo.agent_id, "stream": True, "messages": [{"role": "user", "content": QUESTION}]}
    headers = {"Authorization": f"Bearer {demo.key}"}
    url = f"{address}/api/v1/chat/completions"
    try:
        with own_machine().post(url, json=body, headers=headers, stream=True, timeout=_SILENCE_SECONDS) as response:
            if not response.ok:
                raise CallFailed(f"The endpoint answered {response.status_code}: {response.text}")
            yield from _texts(response)
    except requests.RequestException as error:
        raise CallFailed(f"The connection to the endpoint was lost: {error}") from error


def _texts(response: requests.Response) -> Iterator[str]:
    for line in response.iter_lines(chunk_size=None):
        data = line.removeprefix(b"data:").strip()
        if data == b"[DONE]":
            return
        if not line.startswith(b"data:"):
            continue
        chunk = json.loads(data)
        if "error" in chunk:
            raise CallFailed(chunk["error"]["message"])
        for choice in chunk["choices"]:
            yield choice["delta"].get("content") or ""
    raise CallFailed("The stream ended without [DONE].")


def usage_row(demo: Demo) -> dict[str, object]:
    """The record of the demo's call. Waits until it is settled, just after the last byte. Raises `CallFailed`."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    rows = UsageRecord.objects.filter(key_id=demo.key_id).exclude(state=UsageRecord.State.OPEN)
    while time.monotonic() < deadline:
        if row := rows.values(*_COLUMNS).first():
            return dict(row)
        time.sleep(_LOOK_EVERY_SECONDS)
    raise CallFailed("There is no settled usage record of the call.")
