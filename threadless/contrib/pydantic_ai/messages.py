"""Converts messages of the OpenAI reference into those of Pydantic AI."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

from pydantic_ai.messages import (
    BinaryContent,
    ImageUrl,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from threadless.contrib.bridge import text_of
from threadless.exceptions import InvalidRequest
from threadless.types import JSONObject, JSONValue

_REASONING: Final = ("reasoning_content", "reasoning")
_UNCARRIED: Final = ("function_call", "audio")
_AUDIO_TYPES: Final = {"mp3": "audio/mpeg", "wav": "audio/wav"}


def messages_of(messages: list[JSONObject], *, reasoning_for: str | None = None) -> list[ModelMessage]:
    """The same conversation. Raises `InvalidRequest` for a message that Pydantic AI cannot express.

    Reasoning of earlier turns goes only to the provider `reasoning_for`: others would read it as what was said.
    """
    names = {call["id"]: call for message in messages for call in message.get("tool_calls") or ()}
    converted: list[ModelMessage] = []
    numbered = enumerate(messages)
    for is_answer, group in groupby(numbered, lambda item: item[1]["role"] == "assistant"):
        if is_answer:
            converted += [ModelResponse(_answer_parts(message, index, reasoning_for)) for index, message in group]
        else:
            converted.append(ModelRequest([_request_part(message, index, names) for index, message in group]))
    return converted


def _request_part(message: JSONObject, index: int, calls: JSONObject) -> ModelRequestPart:
    role, content = message["role"], message.get("content")
    if role == "user":
        return UserPromptPart(_user_content(content, f"messages[{index}].content"))
    if role in ("system", "developer"):
        return SystemPromptPart(text_of(content))
    if role == "tool":
        call = calls.get(message["tool_call_id"]) or {}
        name = (call.get("function") or {}).get("name") or message.get("name") or "tool"
        return ToolReturnPart(tool_name=name, content=text_of(content), tool_call_id=message["tool_call_id"])
    raise _unsupported(f"messages[{index}].role", f"the role {role!r}")


def _answer_parts(message: JSONObject, index: int, reasoning_for: str | None) -> list[ModelResponsePart]:
    for field in _UNCARRIED:
        if message.get(field):
            raise _unsupported(f"messages[{index}].{field}", f"the field {field!r}")
    said = {field: message.get(field) for field in _REASONING if reasoning_for}
    parts: list[ModelResponsePart] = [
        ThinkingPart(text, id=field, provider_name=reasoning_for)
        for field, text in said.items()
        if isinstance(text, str) and text
    ]
    if text := text_of(message.get("content")) or message.get("refusal"):
        parts.append(TextPart(text))
    for place, call in enumerate(message.get("tool_calls") or ()):
        if "function" not in call:
            raise _unsupported(f"messages[{index}].tool_calls[{place}]", "a tool call that is not of a function")
        function = call["function"]
        parts.append(ToolCallPart(function["name"], function["arguments"], tool_call_id=call["id"]))
    return parts


def _user_content(content: JSONValue, path: str) -> Any:
    """A text, or texts and media."""
    if not isinstance(content, list):
        return content or ""
    return [_user_part(part, f"{path}[{place}]") for place, part in enumerate(content)]


def _user_part(part: JSONObject, path: str) -> Any:
    kind = part["type"]
    if kind == "image_url":
        return _image(part["image_url"], path)
    if kind == "input_audio":
        audio = part["input_audio"]
        media_type = _AUDIO_TYPES.get(audio["format"], f"audio/{audio['format']}")
        return _binary(f"data:{media_type};base64,{audio['data']}", f"{path}.input_audio.data")
    if kind == "file":
        if not part["file"].get("file_data"):
            raise _unsupported(f"{path}.file.file_id", "a file that is not in the request")
        return _binary(part["file"]["file_data"], f"{path}.file.file_data")
    return part.get("text") or part.get("refusal") or ""


def _image(image: JSONObject, path: str) -> Any:
    metadata = {"detail": image["detail"]} if image.get("detail") else None
    if not image["url"].startswith("data:"):
        return ImageUrl(image["url"], vendor_metadata=metadata)
    found = _binary(image["url"], f"{path}.image_url.url")
    found.vendor_metadata = metadata
    return found


def _binary(uri: str, path: str) -> BinaryContent:
    try:
        return BinaryContent.from_data_uri(uri)
    except ValueError:
        pass
    raise InvalidRequest(f"{path}: not a data URI in base64.", param=path)


def _unsupported(path: str, what: str) -> InvalidRequest:
    return InvalidRequest(f"{path}: {what} is not supported.", param=path, code="unsupported_parameter")
