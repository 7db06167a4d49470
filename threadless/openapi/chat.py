"""The description of `POST chat/completions`."""

from __future__ import annotations

from typing import Any, Final

from threadless.completions.fields import Fields
from threadless.openapi.answers import ChatCompletion, ChatCompletionChunk
from threadless.openapi.parts import Operation, answer, errors, reference
from threadless.types import JSONObject


class ChatCompletionRequest(Fields):
    """The conversation and how to continue it. Fields that are not listed are passed on to the model."""


_QUESTION: Final = {"model": "MODEL", "messages": [{"role": "user", "content": "Hello"}]}
_WEATHER: Final = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
_CALL: Final = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'}}
_SCHEMA: Final = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "Plain answer": _QUESTION,
    "Stream": _QUESTION | {"stream": True, "stream_options": {"include_usage": True}},
    "Tools": _QUESTION | {"tools": [_WEATHER]},
    "Result of a tool": {
        "model": "MODEL",
        "tools": [_WEATHER],
        "messages": [
            {"role": "user", "content": "How is the weather in Oslo?"},
            {"role": "assistant", "content": None, "tool_calls": [_CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "4 degrees, rain"},
        ],
    },
    "Structured answer": _QUESTION
    | {"response_format": {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": _SCHEMA}}},
}
"""Valid requests by name. `MODEL` stands for a name from `GET models`."""


def chat_completions() -> Operation:
    """The operation."""
    body: JSONObject = {
        "operationId": "createChatCompletion",
        "summary": "Create a chat completion",
        "description": (
            "Send the whole conversation with each request; nothing of it is stored. Fields that are not listed are"
            " passed on to the model. With `stream: true` the answer is a stream of server-sent events that ends with"
            " `data: [DONE]`. A failure after the first event is an event with an `error`."
        ),
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": reference(ChatCompletionRequest),
                    "examples": {name: {"value": value} for name, value in EXAMPLES.items()},
                }
            },
        },
        "responses": {
            "200": answer("The completion.", json=ChatCompletion, event_stream=ChatCompletionChunk),
            **errors(400, 401, 403, 404, 408, 413, 415, 429, 500, 502, 503, 504),
        },
    }
    return Operation("post", body, (ChatCompletionRequest, ChatCompletion, ChatCompletionChunk))
