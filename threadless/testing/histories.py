"""Histories for `threadless.testing.parity`: built-in samples, and those in a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from threadless.types import JSONObject

_PIXEL: Final = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_TOOL: Final = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
_CALL: Final = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'}}

SAMPLES: Final[Mapping[str, JSONObject]] = {
    "text": {
        "messages": [
            {"role": "user", "content": "Which is the longest river of Europe?"},
            {"role": "assistant", "content": "The Volga.\n\nIt is about 3,500 km long."},
            {"role": "user", "content": 'And in miles? Zürich, „quoted“, "quoted", 🙂 \\ </script>'},
        ]
    },
    "tools": {
        "messages": [
            {"role": "user", "content": "How is the weather in Oslo?"},
            {"role": "assistant", "content": None, "tool_calls": [_CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": '{"celsius": -3}'},
            {"role": "assistant", "content": "It is cold: -3 °C."},
            {"role": "user", "content": "And tomorrow?"},
        ],
        "tools": [_TOOL],
    },
    "images": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is in this picture?"},
                    {"type": "image_url", "image_url": {"url": _PIXEL}},
                ],
            }
        ]
    },
}
"""Bodies of requests without `model`, by name."""


def read_histories(path: Path) -> dict[str, JSONObject]:
    """The histories in a JSON file: one body of a request, or a list of them. `model` is left out.

    Raises `ValueError` with a message for people, and `OSError`.
    """
    given: Any = json.loads(path.read_text(encoding="utf-8"))
    bodies = given if isinstance(given, list) else [given]
    if not bodies or not all(isinstance(body, dict) and isinstance(body.get("messages"), list) for body in bodies):
        raise ValueError("The file must hold a JSON object with a list of 'messages', or a list of such objects.")
    return {f"{path.name} {number}": _without_model(body) for number, body in enumerate(bodies, 1)}


def _without_model(body: JSONObject) -> JSONObject:
    return {name: value for name, value in body.items() if name != "model"}
