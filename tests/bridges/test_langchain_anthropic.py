"""LangChain with Anthropic's real model, before an upstream that speaks Anthropic's API."""

from __future__ import annotations

import json
from typing import Any

from langchain_anthropic import ChatAnthropic
from pydantic import SecretStr

from tests.bridges import scripts
from tests.bridges.conftest import Platform
from tests.support.bodies import event
from tests.support.upstream import UPSTREAM_KEY, Exchange

BACKEND = "threadless.contrib.langchain.LangChainBackend"
THINKING = {"type": "thinking", "thinking": "Oslo is north.", "signature": "c2ln"}
ANTHROPIC_USAGE = {"input_tokens": 12, "cache_read_input_tokens": 8, "output_tokens": 10}


def anthropic(platform: Platform, **options: Any) -> None:
    """Answer by Anthropic's model before the scripted upstream."""
    url = platform.upstream.base_url.removesuffix("/v1")
    model = ChatAnthropic(model_name="claude", base_url=url, api_key=SecretStr(UPSTREAM_KEY), max_retries=0)  # type: ignore[call-arg]
    platform.use(BACKEND, function=lambda request, target, caller: model, **options)


def play_anthropic(exchange: Exchange) -> None:
    """Think, then call two tools; when both are answered, say so."""
    is_answered = any(
        part["type"] == "tool_result"
        for message in exchange.body["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
    )
    calls = [
        {"type": "tool_use", "id": f"c_{name}", "name": name, "input": {"place": "Oslo"}}
        for name in ("weather", "time")
    ]
    content: list[Any] = [{"type": "text", "text": "Cold."}] if is_answered else [THINKING, *calls]
    reason = "end_turn" if is_answered else "tool_use"
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude"}
    if not exchange.body.get("stream"):
        exchange.answer({**head, "content": content, "stop_reason": reason, "usage": ANTHROPIC_USAGE})
        return
    usage = {**ANTHROPIC_USAGE, "output_tokens": 0}
    exchange.start()
    send(exchange, "message_start", message={**head, "content": [], "stop_reason": None, "usage": usage})
    for index, block in enumerate(content):
        play_block(exchange, index, block)
    send(exchange, "message_delta", delta={"stop_reason": reason}, usage=ANTHROPIC_USAGE)
    send(exchange, "message_stop")
    exchange.end()


def play_block(exchange: Exchange, index: int, block: dict[str, Any]) -> None:
    kind = block["type"]
    if kind == "tool_use":
        start, delta = {**block, "input": {}}, {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    elif kind == "thinking":
        start, delta = (
            {"type": kind, "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": block[kind]},
        )
    else:
        start, delta = {"type": kind, "text": ""}, {"type": "text_delta", "text": block["text"]}
    send(exchange, "content_block_start", index=index, content_block=start)
    send(exchange, "content_block_delta", index=index, delta=delta)
    send(exchange, "content_block_stop", index=index)


def send(exchange: Exchange, kind: str, **fields: Any) -> None:
    exchange.chunk(f"event: {kind}\n".encode() + event({"type": kind, **fields}))


def test_anthropic_calls_two_tools_over_two_rounds(platform: Platform) -> None:
    anthropic(platform)
    platform.upstream.script(play_anthropic)
    question = {"role": "user", "content": "Oslo?"}
    choice = platform.ask([question], tools=scripts.TOOLS, tool_choice="required")["choices"][0]
    message = choice["message"]
    assert (choice["finish_reason"], message["reasoning_content"]) == ("tool_calls", "Oslo is north.")
    assert [call["function"]["name"] for call in message["tool_calls"]] == ["weather", "time"]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "x"} for call in message["tool_calls"]]
    answer = platform.ask([question, message, *results], tools=scripts.TOOLS, tool_choice="none")["choices"][0]
    assert (answer["message"]["content"], answer["finish_reason"]) == ("Cold.", "stop")
    first, second = (exchange.body for exchange in platform.upstream.exchanges)
    assert (first["tool_choice"], second["tool_choice"]) == ({"type": "any"}, {"type": "none"})


def test_anthropic_streams_tool_calls_by_index_with_its_usage(platform: Platform) -> None:
    anthropic(platform)
    platform.upstream.script(play_anthropic)
    events = platform.stream("Oslo?", tools=scripts.TOOLS, max_tokens=50)
    pieces = [
        piece
        for chunk in events.chunks
        for choice in chunk["choices"]
        for piece in choice["delta"].get("tool_calls") or ()
    ]
    names = {piece["index"]: piece["function"]["name"] for piece in pieces if piece["function"].get("name")}
    assert names == {0: "weather", 1: "time"}
    assert events.finish_reason == "tool_calls"
    row = platform.row
    assert (row.prompt_tokens, row.cached_tokens, row.completion_tokens) == (20, 8, 10)


def test_anthropic_that_is_overloaded_is_unavailable(platform: Platform) -> None:
    anthropic(platform)
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    platform.upstream.script(lambda exchange: exchange.answer(error, 529))
    status, found, _ = platform.refuse()
    assert (status, found["code"]) == (503, "upstream_unavailable")


def test_anthropic_gives_structured_output(platform: Platform) -> None:
    anthropic(platform)

    def play(exchange: Exchange) -> None:
        asked = json.dumps(exchange.body)
        text = json.dumps({"city": "Oslo"}) if '"city"' in asked else "no schema"
        head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn"}
        exchange.answer({**head, "content": [{"type": "text", "text": text}], "usage": ANTHROPIC_USAGE})

    platform.upstream.script(play)
    answer = platform.ask(response_format=scripts.SCHEMA)["choices"][0]["message"]["content"]
    assert json.loads(answer) == {"city": "Oslo"}
    assert platform.row.prompt_tokens == 20
