"""The stand-in upstream speaks enough of the OpenAI API for the demo, and says what it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.project.canned import serve

Send = Callable[..., requests.Response]

HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello there"}]}


@pytest.fixture
def canned() -> Iterator[Send]:
    """A function that sends a request to a running stand-in."""
    with serve("right-key") as server:

        def send(method: str, path: str, key: str = "right-key", **fields: Any) -> requests.Response:
            headers = {"Authorization": f"Bearer {key}"}
            return requests.request(method, server.address + path, headers=headers, timeout=10, **fields)

        yield send


def test_plain_answer_says_that_it_is_canned(canned: Send) -> None:
    body = canned("POST", "/v1/chat/completions", json=HELLO).json()
    assert "canned answer" in body["choices"][0]["message"]["content"]
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]


def test_stream_ends_with_usage_and_done(canned: Send) -> None:
    asked = HELLO | {"stream": True, "stream_options": {"include_usage": True}}
    events = canned("POST", "/v1/chat/completions", json=asked).text.split("\n\n")
    assert json.loads(events[-3].removeprefix("data: "))["usage"]["completion_tokens"] > 0
    assert events[-2:] == ["data: [DONE]", ""]


def test_stream_without_usage_asked_has_none(canned: Send) -> None:
    assert "usage" not in canned("POST", "/v1/chat/completions", json=HELLO | {"stream": True}).text


@pytest.mark.parametrize(
    ("method", "path", "fields", "status"),
    [
        ("GET", "/health", {}, 200),
        ("GET", "/v1/models", {}, 200),
        ("GET", "/elsewhere", {}, 404),
        ("POST", "/elsewhere", {"json": HELLO}, 404),
        ("POST", "/v1/chat/completions", {"json": HELLO, "key": "wrong-key"}, 401),
        ("POST", "/v1/chat/completions", {"data": b"{"}, 400),
        ("POST", "/v1/chat/completions", {"json": []}, 400),
    ],
)
def test_request_gets_the_status_it_deserves(
    canned: Send, method: str, path: str, fields: dict[str, Any], status: int
) -> None:
    assert canned(method, path, **fields).status_code == status
