"""Converts messages of the OpenAI reference into LangChain's."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from threadless.contrib.bridge import text_of
from threadless.exceptions import InvalidRequest
from threadless.types import JSONObject, JSONValue

_REASONING: Final = ("reasoning_content", "reasoning", "reasoning_details")


def messages_of(messages: list[JSONObject]) -> list[BaseMessage]:
    """The same conversation. Raises `InvalidRequest` for a message that LangChain cannot express.

    LangChain's own conversion of dicts also reads keys that no client should set, such as `additional_kwargs`.
    """
    return [_message_of(message, index) for index, message in enumerate(messages)]


def _message_of(message: JSONObject, index: int) -> BaseMessage:
    role = message["role"]
    content, name = _content(message.get("content")), message.get("name")
    if role == "assistant":
        return _assistant(message, index)
    if role == "user":
        return HumanMessage(content=content, name=name)
    if role == "tool":
        return ToolMessage(content=content, tool_call_id=message["tool_call_id"], name=name)
    if role in ("system", "developer"):
        kind = {"__openai_role__": "developer"} if role == "developer" else {}
        return SystemMessage(content=content, name=name, additional_kwargs=kind)
    raise _unsupported(f"messages[{index}].role", f"the role {role!r}")


def _assistant(message: JSONObject, index: int) -> AIMessage:
    for field in ("function_call", "audio"):
        if message.get(field):
            raise _unsupported(f"messages[{index}].{field}", f"the field {field!r}")
    calls: list[Any] = []
    invalid: list[Any] = []
    for place, call in enumerate(message.get("tool_calls") or ()):
        if "function" not in call:
            raise _unsupported(f"messages[{index}].tool_calls[{place}]", "a tool call that is not of a function")
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        decoded = _decoded(arguments)
        if decoded is None:
            invalid.append({"name": name, "args": arguments, "id": call["id"], "error": None})
        else:
            calls.append({"name": name, "args": decoded, "id": call["id"]})
    reasoning = {field: message[field] for field in _REASONING if message.get(field)}
    return AIMessage(
        content=_content(message.get("content")) or message.get("refusal") or "",
        name=message.get("name"),
        tool_calls=calls,
        invalid_tool_calls=invalid,
        additional_kwargs=reasoning,
    )


def _content(content: JSONValue) -> Any:
    """Parts of text and media are understood by LangChain; only refusals are not."""
    if not isinstance(content, list):
        return content or ""
    if all(part.get("type") in ("text", "refusal") for part in content) and len(content) == 1:
        return text_of(content)
    return [
        {"type": "text", "text": part.get("refusal") or ""} if part["type"] == "refusal" else part for part in content
    ]


def _decoded(arguments: str) -> JSONObject | None:
    """The arguments of a call; None if the model did not write a JSON object."""
    try:
        decoded = msgspec.json.decode(arguments or "{}")
    except msgspec.DecodeError:
        return None
    return decoded if isinstance(decoded, dict) else None


def _unsupported(path: str, what: str) -> InvalidRequest:
    return InvalidRequest(f"{path}: {what} is not supported.", param=path, code="unsupported_parameter")
