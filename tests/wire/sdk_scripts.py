"""What the upstream plays for the SDK tests: a weather tool, structured answers, failures."""

from __future__ import annotations

from typing import Any

from tests.support.bodies import USAGE, chunk, completion, usage_chunk
from tests.support.upstream import Exchange

WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a place.",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}},
            "required": ["place"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


def weather(exchange: Exchange) -> None:
    """Calls the tool until the history has its answer, then says it."""
    answers = [message for message in exchange.body["messages"] if message["role"] == "tool"]
    play(exchange, text=f"It is {answers[-1]['content']}." if answers else None)


def play(exchange: Exchange, text: str | None, *, place: str = "Oslo") -> None:
    """A text, or a call of the tool, as a stream or as a whole."""
    calls = None if text else [tool_call(place)]
    reason = "stop" if text else "tool_calls"
    if exchange.body.get("stream"):
        exchange.stream(*text_chunks(text) if text else call_chunks(place), chunk(finish_reason=reason), usage_chunk())
        return
    message = {"role": "assistant", "content": text} | ({"tool_calls": calls} if calls else {})
    exchange.answer(completion(choices=[{"index": 0, "message": message, "finish_reason": reason}], usage=USAGE))


def tool_call(place: str) -> dict[str, Any]:
    return {
        "id": "call_7",
        "type": "function",
        "function": {"name": "get_weather", "arguments": f'{{"place":"{place}"}}'},
    }


def text_chunks(text: str) -> list[dict[str, Any]]:
    first = chunk({"role": "assistant", "content": ""})
    return [first, *(chunk({"content": word}) for word in text.replace(" ", " |").split("|"))]


def call_chunks(place: str) -> list[dict[str, Any]]:
    call = tool_call(place)
    first = {"index": 0, **call, "function": {"name": "get_weather", "arguments": ""}}
    arguments = call["function"]["arguments"]
    deltas = [{"index": 0, "function": {"arguments": part}} for part in (arguments[:5], arguments[5:])]
    return [chunk({"role": "assistant", "content": None, "tool_calls": [delta]}) for delta in (first, *deltas)]
