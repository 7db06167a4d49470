"""What every bridge does, each on the real package before a scripted OpenAI upstream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.bridges import scripts
from tests.bridges.conftest import Platform
from tests.bridges.makers import BRIDGES
from tests.support.upstream import Exchange
from threadless.calls.running import wait_for_calls

USER = {"role": "user", "content": "How is it in Oslo?"}
DETAILS = ("prompt_tokens_details", "completion_tokens_details")


@pytest.fixture(params=BRIDGES)
def bridged(request: pytest.FixtureRequest, platform: Platform) -> Platform:
    """A platform that answers through each bridge."""
    use(platform, request.param)
    return platform


def use(platform: Platform, name: str, **options: Any) -> None:
    """Answer through this bridge."""
    backend, make, own = BRIDGES[name]
    platform.use(backend, function=make(platform.upstream.base_url), **own, **options)


def test_plain_call_is_answered(bridged: Platform) -> None:
    bridged.upstream.script(scripts.say)
    choice = bridged.ask()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Hello there", "stop")
    sent = bridged.upstream.exchanges[0].body
    assert (sent["model"], sent["messages"][-1]["content"]) == ("upstream-small", "Hello")


def test_stream_is_answered_in_pieces(bridged: Platform) -> None:
    bridged.upstream.script(scripts.say)
    events = bridged.stream()
    texts = [choice["delta"].get("content") for chunk in events.chunks for choice in chunk["choices"]]
    assert [text for text in texts if text] == ["Hello", " there"]
    assert (events.is_done, events.finish_reason) == (True, "stop")


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_usage_has_cached_and_reasoning_tokens(bridged: Platform, is_stream: bool) -> None:
    bridged.upstream.script(scripts.say)
    usage: Any = bridged.stream().usage if is_stream else bridged.ask()["usage"]
    row = bridged.row
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (20, 10)
    assert (row.prompt_tokens, row.completion_tokens, row.usage_source) == (20, 10, "upstream")
    assert (row.cached_tokens, row.reasoning_tokens) == (8, 4)


def test_two_parallel_tool_calls_over_two_rounds(bridged: Platform) -> None:
    bridged.upstream.script(scripts.call_both_tools)
    message = bridged.ask([USER], tools=scripts.TOOLS)["choices"][0]["message"]
    calls = message["tool_calls"]
    assert [(call["id"], call["function"]["name"]) for call in calls] == [
        ("call_weather", "weather"),
        ("call_time", "time"),
    ]
    assert [json.loads(call["function"]["arguments"]) for call in calls] == [{"place": "Oslo"}] * 2
    answers = {"call_weather": "cold", "call_time": "noon"}
    results = [{"role": "tool", "tool_call_id": name, "content": text} for name, text in answers.items()]
    answer = bridged.ask([USER, message, *results], tools=scripts.TOOLS)["choices"][0]
    assert (answer["message"]["content"], answer["finish_reason"]) == ("cold and noon", "stop")


def test_parallel_tool_calls_of_a_stream_are_told_apart_by_their_index(bridged: Platform) -> None:
    bridged.upstream.script(scripts.call_both_tools)
    events = bridged.stream([USER], tools=scripts.TOOLS)
    calls: dict[int, str] = {}
    for chunk in events.chunks:
        for choice in chunk["choices"]:
            for piece in choice["delta"].get("tool_calls") or ():
                function = piece["function"]
                text = (function.get("name") or "") + (function.get("arguments") or "")
                calls[piece["index"]] = calls.get(piece["index"], "") + text
    assert {index: text.replace(" ", "") for index, text in calls.items()} == {
        0: 'weather{"place":"Oslo"}',
        1: 'time{"place":"Oslo"}',
    }
    assert events.finish_reason == "tool_calls"


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_structured_output_is_asked_for_and_arrives(bridged: Platform, is_stream: bool) -> None:
    bridged.upstream.script(scripts.answer_in_json)
    if is_stream:
        text = bridged.stream(response_format=scripts.SCHEMA).text
    else:
        text = bridged.ask(response_format=scripts.SCHEMA)["choices"][0]["message"]["content"]
    assert json.loads(text) == {"city": "Oslo"}


def test_image_reaches_the_model(bridged: Platform) -> None:
    bridged.upstream.script(scripts.describe_image)
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": scripts.PIXEL}}]
    answer = bridged.ask([{"role": "user", "content": parts}])
    assert answer["choices"][0]["message"]["content"] == "a pixel"


def test_sampling_parameters_reach_the_model(bridged: Platform) -> None:
    bridged.ask(temperature=0.5, max_tokens=7)
    sent = bridged.upstream.exchanges[0].body
    assert sent["temperature"] == 0.5
    assert 7 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))


STATUSES = {
    400: (400, "context_length_exceeded"),
    401: (502, "upstream_error"),
    403: (502, "upstream_error"),
    404: (502, "upstream_error"),
    429: (429, "rate_limit_exceeded"),
    500: (502, "upstream_error"),
    503: (503, "upstream_unavailable"),
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_vendor_error_has_the_status_and_code_of_our_own_upstreams(
    bridged: Platform, status: int, is_stream: bool
) -> None:
    code = "context_length_exceeded" if status == 400 else "x"
    error = {"message": "Too long.", "type": "invalid_request_error", "param": "messages", "code": code}
    bridged.upstream.script(lambda exchange: exchange.answer({"error": error}, status, {"retry-after": "3"}))
    found, body, headers = bridged.refuse(stream=is_stream)
    assert (found, body["code"]) == STATUSES[status]
    assert headers.get("Retry-After") == ("3" if status in (429, 503) else None)


def test_client_that_leaves_ends_the_stream_of_the_upstream(bridged: Platform) -> None:
    bridged.upstream.script(scripts.talk_until_nobody_listens)
    response = bridged.client.complete("small", "Hello", stream=True)
    assert b"Hello" in next(iter(response.streaming_content))
    response.close()
    exchange: Exchange = bridged.upstream.exchanges[0]
    assert exchange.wait_closed(8)
    assert wait_for_calls(8)
    assert bridged.row.state == "cancelled"


def test_field_that_cannot_be_carried_is_refused_by_name(bridged: Platform) -> None:
    status, error, _ = bridged.refuse(api_base="http://elsewhere.example")
    assert (status, error["code"], error["param"]) == (400, "unsupported_parameter", "api_base")
    assert bridged.upstream.exchanges == []


def test_part_that_cannot_be_carried_is_refused_by_its_path(bridged: Platform) -> None:
    parts = [{"type": "text", "text": "Look"}, {"type": "hologram", "hologram": "…"}]
    status, error, _ = bridged.refuse([{"role": "user", "content": parts}])
    assert (status, error["code"], error["param"]) == (400, "unsupported_parameter", "messages[0].content[1]")


@pytest.mark.parametrize("name", BRIDGES)
def test_field_and_part_are_dropped_if_the_host_says_so(platform: Platform, name: str) -> None:
    use(platform, name, drop=["api_base", "hologram"])
    parts = [{"type": "text", "text": "Look"}, {"type": "hologram", "hologram": "…"}]
    platform.ask([{"role": "user", "content": parts}], api_base="http://elsewhere.example")
    sent = platform.upstream.exchanges[0].body
    assert "api_base" not in sent
    assert "hologram" not in json.dumps(sent)


def test_values_that_ask_for_what_happens_anyway_are_accepted(bridged: Platform) -> None:
    bridged.ask(n=1, logprobs=False, tools=[], tool_choice="auto", response_format={"type": "text"}, functions=None)
