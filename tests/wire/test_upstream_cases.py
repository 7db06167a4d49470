"""What upstreams really send, in each form: what the client gets and what the row holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.upstream import Exchange, ScriptedUpstream
from tests.wire.cases.case import KEY, Case
from tests.wire.strict import TYPES
from tests.wire.upstream_cases import CASES
from tests.wire.upstream_run import Result, run
from threadless.backends.answers import AnswerReader
from threadless.backends.openai import OpenAIBackend
from threadless.backends.upstream import CallRedactor, Redactor, SSEDecoder
from threadless.exceptions import APIError

PLAIN = [case for case in CASES if case.answer is not None]
STREAMS = [case for case in CASES if case.stream is not None]


@pytest.fixture(scope="module")
def module_upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def backend(module_upstream: ScriptedUpstream) -> OpenAIBackend:
    return OpenAIBackend(base_url=module_upstream.base_url, api_key=KEY)


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case.id)
def test_plain_answer_becomes_what_is_expected(
    case: Case, backend: OpenAIBackend, module_upstream: ScriptedUpstream
) -> None:
    assert case.answer is not None
    script(module_upstream, case, case.answer, "application/json")
    compare(run(backend, stream=False, **case.request), case)


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.id)
def test_stream_becomes_what_is_expected(case: Case, backend: OpenAIBackend, module_upstream: ScriptedUpstream) -> None:
    assert case.stream is not None
    script(module_upstream, case, case.stream, "text/event-stream")
    result = run(backend, stream=True, **case.request)
    compare(result, case)
    assert result.content.endswith(b"data: [DONE]\n\n") is (case.expected.state == "completed")


def script(upstream: ScriptedUpstream, case: Case, body: bytes, content_type: str) -> None:
    headers = {**case.headers, "Content-Type": case.content_type or content_type, "Content-Length": str(len(body))}
    upstream.forget()

    def answer(exchange: Exchange) -> None:
        lines = [f"HTTP/1.1 {case.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        exchange.send("\r\n".join([*lines, "", ""]).encode() + body)
        exchange.end()

    upstream.script(answer)


def compare(result: Result, case: Case) -> None:
    """The result is what the case expects, and valid for an SDK that checks every type."""
    expected = case.expected
    assert result.state == expected.state, result.content
    assert KEY not in result.shown
    compare_failure(result, case)
    compare_usage(result, case)
    for text in expected.shown:
        assert text in result.shown
    for text in expected.hidden:
        assert text not in result.shown
    if expected.text is not None:
        assert result.message["content"] == expected.text
    if expected.reason is not None:
        assert (result.reasons, result.reason) == ([expected.reason], expected.reason)
    if expected.calls is not None:
        assert result.calls == expected.calls
        assert len({call["id"] for call in result.message["tool_calls"]}) == len(expected.calls)
    judge(result)


def compare_failure(result: Result, case: Case) -> None:
    error, expected = result.error, case.expected
    if error is None:
        return
    assert (error.status_code, error.code) == (expected.status or error.status_code, expected.code or error.code)
    assert expected.message is None or expected.message in error.message
    for name, value in expected.headers.items():
        assert error.headers.get(name, "") == value


def compare_usage(result: Result, case: Case) -> None:
    usage, expected = result.usage, case.expected
    if expected.tokens is not None:
        assert usage is not None
        assert (usage.prompt_tokens, usage.completion_tokens) == expected.tokens
        assert f'"total_tokens":{sum(expected.tokens)}' in result.shown
    for name, value in [("cached_tokens", expected.cached), ("reasoning_tokens", expected.reasoning)]:
        assert value is None or getattr(usage, name) == value
    assert expected.source is None or getattr(usage, "source", None) == expected.source


def judge(result: Result) -> None:
    """Fails unless each body is valid for the strict types of the `openai` package, an unknown finish reason aside."""
    text = result.content.decode().removesuffix("data: [DONE]\n\n")
    for event in filter(None, text.split("\n\n")):
        body = json.loads(event.removeprefix("data: "))
        body.pop("service_tier", None)  # each upstream has tiers of its own
        for choice in body.get("choices", ()):
            known = ("stop", "length", "content_filter", "tool_calls", "function_call", None)
            choice["finish_reason"] = choice["finish_reason"] if choice["finish_reason"] in known else "stop"
            if choice.get("logprobs"):
                choice["logprobs"] = None  # a log probability may be null
            hide_custom_calls(choice.get("delta") or choice.get("message") or {})
        kind, value = ("error", body["error"]) if "error" in body else (body["object"], body)
        TYPES[kind].validate_json(json.dumps(value), strict=True)


def hide_custom_calls(message: dict[str, object]) -> None:
    """The types for streams do not know custom tools."""
    calls = message.get("tool_calls")
    if isinstance(calls, list) and any("custom" in call for call in calls):
        del message["tool_calls"]


def test_each_kind_has_many_cases() -> None:
    assert min(Counter(case.kind for case in CASES).values()) >= 8
    assert len(CASES) >= 120


@given(st.data())
def test_stream_split_at_any_byte_is_read_the_same(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(STREAMS))
    body = case.stream or b""
    cuts = sorted(data.draw(st.sets(st.integers(0, len(body)), max_size=8)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert read(pieces) == read([body])


def read(pieces: list[bytes]) -> list[object]:
    """The chunks, and the error at the end if there is one."""
    redact = CallRedactor(
        Redactor("http://127.0.0.1/v1", KEY), model="m", public_model="small", added=(), allow_prompt_echo=False
    )
    decoder = SSEDecoder(1 << 20)
    events = (event for piece in pieces for event in decoder.feed(piece))
    found: list[object] = []
    try:
        found.extend(AnswerReader(redact).chunks([*events, *decoder.flush()]))
    except APIError as error:
        found.append((error.status_code, error.code, error.message))
    return found
