"""The official Python SDK against the example host; each answer and chunk judged by the SDK's own types."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.support.bodies import USAGE, chunk, chunks_of, completion
from tests.support.serving import Host, Server
from tests.support.upstream import Exchange, ScriptedUpstream
from tests.wire.sdk_scripts import WEATHER_TOOL, play, weather
from tests.wire.strict import Recorder, Strict

HI: Any = [{"role": "user", "content": "Hi"}]
TOOLS: Any = [WEATHER_TOOL]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    assert recorder.judge_all() >= 1


@pytest.fixture
def options(any_server: Server, host: Host, upstream: ScriptedUpstream) -> dict[str, Any]:
    return {"base_url": f"{any_server.base_url}/api/v1", "api_key": host.key, "max_retries": 0}


@pytest.fixture
def sdk(options: dict[str, Any], recorder: Recorder) -> Iterator[OpenAI]:
    client: Any = httpx.Client(transport=recorder)  # the SDK names the type of another version
    with OpenAI(**options, http_client=client) as sdk:
        yield sdk


def test_create_returns_the_answer(sdk: OpenAI) -> None:
    answer = sdk.chat.completions.create(model="small", messages=HI)
    assert answer.choices[0].message.content == "Hello there"
    assert answer.usage
    assert (answer.model, answer.usage.total_tokens) == ("small", 14)


def test_create_streams_the_answer(sdk: OpenAI) -> None:
    chunks = list(
        sdk.chat.completions.create(model="small", messages=HI, stream=True, stream_options={"include_usage": True})
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello there"
    assert chunks[-1].usage
    assert chunks[-1].usage.model_dump(exclude_none=True) == USAGE


def test_stream_helper_adds_up_the_answer(sdk: OpenAI) -> None:
    with sdk.chat.completions.stream(model="small", messages=HI) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "Hello there"
    assert "content.done" in kinds


def test_stream_helper_adds_up_tool_calls(sdk: OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(weather)
    with sdk.chat.completions.stream(model="small", messages=HI, tools=TOOLS) as stream:
        kinds = [event.type for event in stream]
        message = stream.get_final_completion().choices[0].message
    assert message.tool_calls
    assert message.tool_calls[0].function.parsed_arguments == {"place": "Oslo"}
    assert "tool_calls.function.arguments.done" in kinds


def test_parse_returns_the_structured_answer(sdk: OpenAI, upstream: ScriptedUpstream) -> None:
    class Step(Strict):
        result: int

    upstream.script(lambda exchange: play(exchange, '{"result": 7}'))
    answer = sdk.chat.completions.parse(model="small", messages=HI, response_format=Step)
    assert answer.choices[0].message.parsed == Step(result=7)
    assert upstream.exchanges[0].body["response_format"]["json_schema"]["strict"] is True


def test_stream_helper_parses_the_structured_answer(sdk: OpenAI, upstream: ScriptedUpstream) -> None:
    class Step(Strict):
        result: int

    upstream.script(lambda exchange: play(exchange, '{"result": 7}'))
    with sdk.chat.completions.stream(model="small", messages=HI, response_format=Step) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == Step(result=7)


def test_tool_round_trip_ends_with_the_answer(sdk: OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(weather)
    first = sdk.chat.completions.create(model="small", messages=HI, tools=TOOLS).choices[0].message
    assert first.tool_calls
    history: Any = [
        *HI,
        first.model_dump(),
        {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "cold"},
    ]
    second = sdk.chat.completions.create(model="small", messages=history, tools=TOOLS)
    assert second.choices[0].message.content == "It is cold."


def test_raw_response_shows_the_headers(sdk: OpenAI) -> None:
    raw = sdk.chat.completions.with_raw_response.create(
        model="small", messages=HI, extra_headers={"X-Request-Id": "sdk-1"}
    )
    assert (raw.request_id, raw.parse().choices[0].finish_reason) == ("sdk-1", "stop")
    assert int(raw.headers["openai-processing-ms"]) >= 0


def test_streaming_response_can_be_left(sdk: OpenAI, upstream: ScriptedUpstream) -> None:
    def script(exchange: Exchange) -> None:
        exchange.start()
        exchange.event(chunk({"role": "assistant", "content": "x"}))
        exchange.wait_closed(10)

    upstream.script(script)
    with sdk.chat.completions.create(model="small", messages=HI, stream=True) as stream:
        next(iter(stream))
    assert upstream.exchanges[0].wait_closed(5)


def test_several_choices_with_logprobs_are_read(sdk: OpenAI, upstream: ScriptedUpstream) -> None:
    token = {"token": "x", "logprob": -0.5, "bytes": [120], "top_logprobs": []}
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": "x", "refusal": None},
            "logprobs": {"content": [token], "refusal": None},
            "finish_reason": "stop",
        }
        for index in range(2)
    ]
    upstream.script(lambda exchange: exchange.answer(completion(choices=choices)))
    answer = sdk.chat.completions.create(model="small", messages=HI, n=2, logprobs=True, top_logprobs=0)
    assert [
        choice.logprobs.content[0].token for choice in answer.choices if choice.logprobs and choice.logprobs.content
    ]


def test_models_are_listed_and_retrieved(sdk: OpenAI) -> None:
    assert [model.id for model in sdk.models.list()] == ["small"]
    assert sdk.models.retrieve("small").owned_by == "harbour"


ERRORS: list[tuple[dict[str, Any], int | None, type[openai.APIStatusError], str]] = [
    ({"messages": []}, None, openai.BadRequestError, "invalid_value"),
    ({"model": "nothing"}, None, openai.NotFoundError, "model_not_found"),
    ({}, 400, openai.BadRequestError, "invalid_value"),
    ({}, 401, openai.InternalServerError, "upstream_error"),
    ({}, 429, openai.RateLimitError, "rate_limit_exceeded"),
    ({}, 500, openai.InternalServerError, "upstream_error"),
    ({}, 503, openai.InternalServerError, "upstream_unavailable"),
]


@pytest.mark.parametrize(("fields", "status", "error", "code"), ERRORS)
@pytest.mark.parametrize("stream", [True, False])
def test_failure_raises_its_class(
    sdk: OpenAI,
    upstream: ScriptedUpstream,
    fields: dict[str, Any],
    status: int | None,
    error: type[openai.APIStatusError],
    code: str,
    stream: bool,
) -> None:
    if status:
        upstream.script(lambda exchange: exchange.answer({"error": {"message": "no"}}, status))
    with pytest.raises(error) as caught:
        sdk.chat.completions.create(**{"model": "small", "messages": HI, "stream": stream, **fields})
    assert caught.value.code == code


def test_wrong_key_raises_authentication_error(sdk: OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        sdk.with_options(api_key="wrong").chat.completions.create(model="small", messages=HI)
    assert caught.value.code == "invalid_api_key"


def test_key_without_scope_raises_permission_denied(sdk: OpenAI, host: Host) -> None:
    key = host.manage("create_api_key", "--user", "alice", "--name", "no scope").split()[-1]
    with pytest.raises(openai.PermissionDeniedError) as caught:
        sdk.with_options(api_key=key).chat.completions.create(model="small", messages=HI)
    assert (caught.value.code, "CHATS:WRITE" in str(caught.value)) == ("insufficient_scope", True)


def test_body_too_large_raises_413(sdk: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        sdk.chat.completions.create(model="small", messages=[{"role": "user", "content": "x" * (33 << 20)}])
    assert (caught.value.status_code, caught.value.code) == (413, "request_too_large")


def test_failure_mid_stream_raises(sdk: OpenAI, upstream: ScriptedUpstream) -> None:
    def script(exchange: Exchange) -> None:
        exchange.start()
        exchange.event(chunk({"role": "assistant", "content": "x"}))
        exchange.cut()

    upstream.script(script)
    with pytest.raises(openai.APIError) as caught:
        list(sdk.chat.completions.create(model="small", messages=HI, stream=True))
    assert caught.value.code == "upstream_error"


def test_rate_limited_call_is_tried_again_by_the_sdk(sdk: OpenAI, upstream: ScriptedUpstream) -> None:
    def script(exchange: Exchange) -> None:
        if len(upstream.exchanges) == 1:
            exchange.answer({"error": {"message": "slow"}}, 429, {"retry-after-ms": "10"})
        else:
            exchange.answer(completion())

    upstream.script(script)
    answer = sdk.with_options(max_retries=1).chat.completions.create(model="small", messages=HI)
    assert (answer.choices[0].finish_reason, len(upstream.exchanges)) == ("stop", 2)


def run_async(options: dict[str, Any], recorder: Recorder, work: Callable[[AsyncOpenAI], Any]) -> Any:
    async def run() -> Any:
        client: Any = httpx.AsyncClient(transport=recorder)
        async with AsyncOpenAI(**options, http_client=client) as sdk:
            return await work(sdk)

    return asyncio.run(run())


def test_async_create_returns_the_answer(options: dict[str, Any], recorder: Recorder) -> None:
    async def work(sdk: AsyncOpenAI) -> Any:
        return await sdk.chat.completions.create(model="small", messages=HI)

    assert run_async(options, recorder, work).choices[0].message.content == "Hello there"


def test_async_streams_run_side_by_side(
    options: dict[str, Any], recorder: Recorder, upstream: ScriptedUpstream
) -> None:
    upstream.script(lambda exchange: exchange.stream(*chunks_of(exchange.body["messages"][-1]["content"])))

    async def ask(sdk: AsyncOpenAI, text: str) -> str:
        stream = await sdk.chat.completions.create(
            model="small", messages=[{"role": "user", "content": text}], stream=True
        )
        return "".join([c.choices[0].delta.content or "" async for c in stream])

    async def work(sdk: AsyncOpenAI) -> Any:
        return await asyncio.gather(*(ask(sdk, f"text {number}") for number in range(10)))

    assert run_async(options, recorder, work) == [f"text {number}" for number in range(10)]


def test_async_stream_helper_adds_up_the_answer(options: dict[str, Any], recorder: Recorder) -> None:
    async def work(sdk: AsyncOpenAI) -> Any:
        async with sdk.chat.completions.stream(model="small", messages=HI) as stream:
            return await stream.get_final_completion()

    assert run_async(options, recorder, work).choices[0].message.content == "Hello there"
