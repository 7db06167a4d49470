"""What an OpenAI upstream plays for the contract of all bridges."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.support.bodies import chunk, completion
from tests.support.upstream import Exchange

USAGE: Final = {
    "prompt_tokens": 20,
    "completion_tokens": 10,
    "total_tokens": 30,
    "prompt_tokens_details": {"cached_tokens": 8},
    "completion_tokens_details": {"reasoning_tokens": 4},
}
PIXEL: Final = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def tool(name: str) -> dict[str, Any]:
    """A client's tool with one argument."""
    parameters = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
    return {"type": "function", "function": {"name": name, "description": f"The {name}.", "parameters": parameters}}


TOOLS: Final = [tool("weather"), tool("time")]
SCHEMA: Final = {
    "type": "json_schema",
    "json_schema": {
        "name": "city",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def say(exchange: Exchange, text: str = "Hello there", finish_reason: str = "stop") -> None:
    """A text in two pieces, with its usage."""
    if not exchange.body.get("stream"):
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": finish_reason}
        exchange.answer(completion(choices=[choice], usage=USAGE))
        return
    half = len(text) // 2
    texts = (chunk({"role": "assistant", "content": text[:half]}), chunk({"content": text[half:]}))
    exchange.stream(*texts, chunk(finish_reason=finish_reason), chunk(choices=[], usage=USAGE))


def call_both_tools(exchange: Exchange) -> None:
    """Call two tools at once; when both are answered, say what they answered."""
    answers = [message["content"] for message in exchange.body["messages"] if message["role"] == "tool"]
    if answers:
        say(exchange, " and ".join(map(str, answers)))
        return
    calls: list[dict[str, Any]] = [
        {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": '{"place":"Oslo"}'}}
        for name in ("weather", "time")
    ]
    if not exchange.body.get("stream"):
        message = {"role": "assistant", "content": None, "tool_calls": calls}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        exchange.answer(completion(choices=[choice], usage=USAGE))
        return
    pieces = []
    for index, call in enumerate(calls):
        begun = {**call, "index": index, "function": {"name": call["function"]["name"], "arguments": ""}}
        pieces.append(chunk({"tool_calls": [begun]}))
    for index, part in ((0, '{"place":'), (1, '{"place":'), (0, '"Oslo"}'), (1, '"Oslo"}')):
        pieces.append(chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]}))
    exchange.stream(*pieces, chunk(finish_reason="tool_calls"), chunk(choices=[], usage=USAGE))


def call(name: str, **arguments: str) -> dict[str, Any]:
    """A call of one tool."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": f"call_{name}", "type": "function", "function": function}


def play(exchange: Exchange, *calls: dict[str, Any], text: str | None = None) -> None:
    """A text and calls, as a stream or as a whole."""
    reason = "tool_calls" if calls else "stop"
    if not exchange.body.get("stream"):
        message = {"role": "assistant", "content": text} | ({"tool_calls": list(calls)} if calls else {})
        choice = {"index": 0, "message": message, "finish_reason": reason}
        exchange.answer(completion(choices=[choice], usage=USAGE))
        return
    pieces = [{"tool_calls": [{**each, "index": index}]} for index, each in enumerate(calls)]
    words = [chunk({"content": text})] if text else []
    end = (chunk(finish_reason=reason), chunk(choices=[], usage=USAGE))
    exchange.stream(*words, *map(chunk, pieces), *end)


def look_up(exchange: Exchange) -> None:
    """Call the tool `shelf` of the agent, then repeat what it said."""
    results = [message["content"] for message in exchange.body["messages"] if message["role"] == "tool"]
    if results:
        play(exchange, text=results[-1])
    else:
        play(exchange, call("shelf", book="Emma"), text="Let me see.")


def answer_in_json(exchange: Exchange) -> None:
    """A structured answer, if it was asked for."""
    asked = exchange.body.get("response_format") or {}
    name = (asked.get("json_schema") or {}).get("name")
    say(exchange, json.dumps({"city": "Oslo"}) if name == "city" else "no schema")


def describe_image(exchange: Exchange) -> None:
    """Say whether the picture arrived."""
    parts = exchange.body["messages"][-1]["content"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    say(exchange, "a pixel" if urls == [PIXEL] else "nothing")


def talk_until_nobody_listens(exchange: Exchange) -> None:
    """Send a word every 50 ms until the peer hangs up."""
    exchange.start()
    while not exchange.wait_closed(0.05):
        exchange.event(chunk({"role": "assistant", "content": "Hello"}))
