"""The official SDKs and the AI SDK read every case: what is a success for us is one for them, and what fails raises."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState

from tests.support.node import Node, Reader
from tests.wire.cases import CASES
from tests.wire.cases.calling import CaseServer, answer_case, body_of
from tests.wire.cases.case import Case

REASONS = {"tool_calls": "tool-calls", "content_filter": "content-filter", "function_call": "tool-calls"}
"""Finish reasons as the AI SDK calls them. Unknown ones are "other"."""
KNOWN_REASONS = {"stop", "length", *REASONS}
RAISED = {"APIError", "APIStatusError", "AI_APICallError", "APICallError", "event"}
each_case = pytest.mark.parametrize(
    ("case", "is_stream"),
    [
        pytest.param(case, is_stream, id=f"{case.id} {'stream' if is_stream else 'plain'}")
        for case in CASES
        for is_stream in case.forms
    ],
)


@pytest.fixture(scope="session")
def reader() -> Iterator[Reader]:
    """One process of Node.js for all cases."""
    with Reader(Node.installed()) as reader:
        yield reader


@pytest.fixture(scope="session")
def python_sdk(case_server: CaseServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(max_retries=0, **access(case_server)) as sdk:
        yield sdk


def access(case_server: CaseServer) -> dict[str, Any]:
    return {"base_url": f"{case_server.server.base_url}/api/v1", "api_key": case_server.host.key}


@each_case
def test_python_sdk_reads_it(case: Case, is_stream: bool, case_server: CaseServer, python_sdk: openai.OpenAI) -> None:
    case_server.upstream.script(answer_case)
    body = body_of(case, is_stream=is_stream)
    if is_stream and case.expected.breaks_helpers:
        assert list(call(python_sdk, body))
    else:
        compare(read(python_sdk, body), case)


@each_case
def test_node_sdks_read_it(case: Case, is_stream: bool, case_server: CaseServer, reader: Reader) -> None:
    case_server.upstream.script(answer_case)
    tools = [name for name, _ in case.expected.calls or ()]
    base_url, key = access(case_server).values()
    body = body_of(case, is_stream=is_stream)
    results = reader.ask(baseURL=base_url, apiKey=key, body=body, tools=tools)
    if case.expected.breaks_helpers:
        results = {"openai": results["openai"]}
    for client, got in results.items():
        compare(got, case, is_ai=client.startswith("ai"))


def test_asynchronous_python_sdk_reads_every_stream(case_server: CaseServer) -> None:
    case_server.upstream.script(answer_case)
    cases = [case for case in CASES if True in case.forms and not case.expected.breaks_helpers]
    results = asyncio.run(read_asynchronously(case_server, cases))
    for case, got in zip(cases, results, strict=True):
        compare(got, case)


async def read_asynchronously(case_server: CaseServer, cases: list[Case]) -> list[dict[str, Any]]:
    """Eight streams at a time."""
    places = asyncio.Semaphore(8)

    async def read_one(case: Case) -> dict[str, Any]:
        async with places:
            try:
                chunks = [chunk async for chunk in await call(sdk, body_of(case, is_stream=True))]
            except openai.APIError as error:
                return described(error)
            return told(combined(chunks))

    async with openai.AsyncOpenAI(max_retries=0, **access(case_server)) as sdk:
        return await asyncio.gather(*map(read_one, cases))


def call(sdk: Any, body: dict[str, Any]) -> Any:
    given = {"model": body["model"], "messages": body["messages"], "stream": bool(body.get("stream"))}
    return sdk.chat.completions.create(**given, extra_body=body)


def read(sdk: openai.OpenAI, body: dict[str, Any]) -> dict[str, Any]:
    """What the SDK returns, combined by its own helper, or the error that it raises."""
    try:
        answer = call(sdk, body)
        if body.get("stream"):
            answer = combined(answer)
    except openai.APIError as error:
        return described(error)
    return told(answer)


def described(error: openai.APIError) -> dict[str, Any]:
    return {"error": {"kind": type(error).__name__, "message": error.message}}


def told(answer: Any) -> dict[str, Any]:
    """Text, finish reason and calls of a whole answer."""
    choice = answer.choices[0]
    parts = [getattr(call, "function", None) or call.custom for call in choice.message.tool_calls or ()]
    calls = [[part.name, getattr(part, "arguments", None) or getattr(part, "input", "")] for part in parts]
    return {"text": choice.message.content or "", "reasons": [choice.finish_reason], "calls": calls}


def combined(chunks: Any) -> Any:
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for chunk in chunks:
        state.handle_chunk(chunk)
    return state.current_completion_snapshot  # the final completion raises for a length or a filter


def compare(got: dict[str, Any], case: Case, *, is_ai: bool = False) -> None:
    expected = case.expected
    if expected.state != "completed":
        assert "error" in got, got
        assert got["error"]["kind"] in RAISED or issubclass(getattr(openai, got["error"]["kind"]), openai.APIError)
        assert expected.message is None or expected.message in got["error"]["message"]
        return
    assert "error" not in got, got
    if expected.text is not None:
        assert got["text"] == expected.text
    if expected.reason is not None:
        assert got["reasons"] == [reason_of(expected.reason) if is_ai else expected.reason]
    if expected.calls is not None:
        assert [plain(call) for call in got["calls"]] == [plain(call) for call in expected.calls]


def reason_of(reason: str) -> str:
    return REASONS.get(reason, reason) if reason in KNOWN_REASONS else "other"


def plain(call: Any) -> tuple[str, Any]:
    """The name and the decoded arguments: the AI SDK decodes them, and reads none as an empty object."""
    name, arguments = call
    try:
        return name, json.loads(arguments or "{}")
    except ValueError:
        return name, arguments
