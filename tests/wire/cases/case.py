"""One input of an upstream, as a plain answer and as a stream, and what must become of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.bodies import DONE, chunk, completion, event

KEY = "sk-upstream-secret-0123456789"
"""The key that is sent to the upstream. No client may see it."""
INSTRUCTIONS = "You are the agent of the kit shop."
PRIVATE_MODEL = "private-deployment-7"
USUAL = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the client, the row and the log must get. None: not compared."""

    state: str = "completed"
    """Of the row; "refused": there is no row."""
    status: int | None = None
    code: str | None = None
    param: str | None = None
    message: str | None = None
    """A part of the error's message."""
    text: str | None = None
    reason: str | None = None
    tokens: tuple[int, int] | None = None
    cached: int | None = None
    reasoning: int | None = None
    source: str | None = None
    calls: list[tuple[str, str]] | None = None
    shown: tuple[str, ...] = ()
    """Texts that the client sees."""
    hidden: tuple[str, ...] = ()
    """Texts that the client does not see."""
    headers: dict[str, str] = field(default_factory=dict)
    sent: dict[str, Any] = field(default_factory=dict)
    """Fields that reach the upstream."""
    breaks_helpers: bool = False
    """True for what the SDKs' helpers for streams do not know. Iterating over the chunks must work."""
    logged: tuple[str, ...] = ()
    """Texts in the line of the log. A call that completes has no line."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """`answer` and `stream` are the bytes of the body in both forms; None: the upstream has only the other."""

    kind: str
    name: str
    source: str
    """The document or the code of the server that sends it."""
    answer: bytes | None = None
    stream: bytes | None = None
    status: int = 200
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    request: dict[str, Any] = field(default_factory=dict)
    """Fields of the client's request."""
    refuses: tuple[str, Any, int] | None = None
    """A request with this field is refused by the upstream with this body and status."""
    target: dict[str, Any] = field(default_factory=dict)
    """Fields of the host's `Target`."""
    returned: Callable[[], Any] | None = None
    """Makes what a function of the host returns; then there is no upstream."""
    expected: Expected

    @property
    def id(self) -> str:
        return f"{self.kind}: {self.name} ({self.source.split('/')[2]})"

    @property
    def forms(self) -> list[bool]:
        """False for a plain answer, True for a stream."""
        return [is_stream for is_stream in (False, True) if self.body(is_stream=is_stream) is not None]

    def body(self, *, is_stream: bool) -> bytes | None:
        return self.stream if is_stream else self.answer


def json_bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def events(*bodies: Any, end: bytes = DONE) -> bytes:
    """A stream of these chunks; bytes stay as they are."""
    return b"".join(body if isinstance(body, bytes) else event(body) for body in bodies) + end


def spoken(text: str = "Hello") -> dict[str, Any]:
    """The first chunk with text."""
    return chunk({"role": "assistant", "content": text})


def finished(word: Any, source: str, **expected: Any) -> Case:
    """An answer that ends with this finish reason."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": word}
    return Case(
        kind="finish reason",
        name=str(word),
        source=source,
        answer=json_bytes(completion(choices=[choice])),
        stream=events(spoken(), chunk(finish_reason=word)),
        expected=Expected(**{"state": "completed", "text": "Hello"} | expected),
    )


def failed(reason: str, source: str) -> Case:
    """An answer whose finish reason means a failure."""
    case = finished(reason, source)
    return replace(case, expected=Expected(state="failed", code="upstream_error", tokens=None))


def counted(name: str, source: str, usage: Any, *, place: str = "usage", **expected: Any) -> Case:
    """An answer with this usage in a field of the body, or in its choice."""
    answer, last = completion("Hello", usage=None), chunk(finish_reason="stop")
    counter = "estimated" if expected.pop("is_estimated", False) else "upstream"
    if place == "choice":
        answer["choices"][0]["usage"] = usage
        last["choices"][0]["usage"] = usage
    elif place == "body":
        answer |= usage
        last |= usage
    else:
        answer[place] = usage
        last[place] = usage
    return Case(
        kind="usage",
        name=name,
        source=source,
        answer=json_bytes(answer),
        stream=events(spoken(), last),
        expected=Expected(**{"text": "Hello", "reason": "stop", "source": counter} | expected),
    )


def error_in_success(name: str, source: str, body: Any, **expected: Any) -> Case:
    """An error under the status 200: as the whole answer, and after the first text of a stream."""
    return Case(
        kind="error in a success",
        name=name,
        source=source,
        answer=json_bytes(body),
        stream=events(spoken(), body if isinstance(body, bytes) else event(body)),
        expected=Expected(**{"state": "failed", "code": "upstream_error"} | expected),
    )


def refused(name: str, source: str, body: Any, *, status: int = 400, **options: Any) -> Case:
    """An unsuccessful HTTP answer, to a plain request and to one for a stream."""
    data = json_bytes(body)
    case = {"content_type": options.pop("content_type", "application/json"), "headers": options.pop("sent", {})}
    logged = (f"status {status}", *options.pop("logged", ()))
    expected = {"state": "failed", "status": options.pop("expected_status", 400), "logged": logged} | options
    return Case(
        kind="refusal",
        name=name,
        source=source,
        answer=data,
        stream=data,
        status=status,
        expected=Expected(**expected),
        **case,
    )


def called(name: str, source: str, deltas: list[Any], whole: list[Any] | None = None, **expected: Any) -> Case:
    """Tool calls: each item of `deltas` is the `tool_calls` of one chunk; `whole` are those of a plain answer."""
    answer = None
    if whole is not None:
        message = {"role": "assistant", "content": None, "tool_calls": whole}
        answer = json_bytes(completion(choices=[{"index": 0, "message": message, "finish_reason": "tool_calls"}]))
    chunks = [chunk({"tool_calls": delta}) for delta in deltas]
    return Case(
        kind="tool calls",
        name=name,
        source=source,
        answer=answer,
        stream=events(chunk({"role": "assistant", "content": None}), *chunks, chunk(finish_reason="tool_calls")),
        expected=Expected(**{"reason": "tool_calls"} | expected),
    )


def formed(name: str, source: str, *, answer: Any = None, stream: bytes | None = None, **options: Any) -> Case:
    """An answer in an unusual form."""
    content_type = options.pop("content_type", None)
    return Case(
        kind="form",
        name=name,
        source=source,
        answer=None if answer is None else json_bytes(answer),
        stream=stream,
        content_type=content_type,
        expected=Expected(**{"text": "Hello", "reason": "stop"} | options),
    )
