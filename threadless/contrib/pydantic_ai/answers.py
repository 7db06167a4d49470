"""Converts what Pydantic AI answers into chunks of the OpenAI reference."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from typing import Any

from pydantic_ai.messages import (
    FilePart,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
    ToolCallPart,
    ToolCallPartDelta,
)
from pydantic_ai.usage import UsageBase

from threadless.encoding import encode
from threadless.types import Chunk, JSONObject

logger = logging.getLogger("threadless")

_NEW_TEXT = "\n\n"
"""Between what the model says before and after a call of the agent's own tools."""


class AnswerReader:
    """Reads the responses of one call: one of a model, several of an agent.

    Only calls of the tools in `client_names` go out. With `shows_text=False`, what the model says does not.
    """

    def __init__(self, client_names: Collection[str], *, shows_text: bool = True) -> None:
        self._names, self._shows_text = client_names, shows_text
        self._calls: dict[int, int] = {}
        """Index of a part of this response → index of the client's call in the answer."""
        self._has_said = self._begins_anew = False
        self._has_calls = self._lacks_usage = False
        self.reason = "stop"

    def whole(self, response: ModelResponse) -> Iterator[Chunk]:
        """All parts of a response that was not streamed."""
        for index, part in enumerate(response.parts):
            yield from self.event(PartStartEvent(index=index, part=part))

    def event(self, event: Any) -> Iterator[Chunk]:
        """One event of a streamed response."""
        if isinstance(event, PartStartEvent):
            delta = self._started(event.index, event.part)
        elif isinstance(event, PartDeltaEvent):
            delta = self._continued(event.index, event.delta)
        else:
            return
        if delta:
            yield {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}

    def end(self, response: ModelResponse, usage: UsageBase) -> Iterator[Chunk]:
        """The end of a response: its model and the sum of the usage so far."""
        self._has_calls = any(call.tool_name in self._names for call in response.tool_calls)
        self._lacks_usage = self._lacks_usage or not response.usage.has_values()
        self.reason = "tool_calls" if self._has_calls else str(response.finish_reason or "stop")
        self._begins_anew = self._has_said
        chunk: Chunk = {"choices": []}
        if response.model_name:
            chunk["model"] = response.model_name
        if not self._lacks_usage:
            chunk["usage"] = usage_of(usage)
        yield chunk

    @property
    def is_over(self) -> bool:
        """True if the client must act now, or if the model was cut off."""
        return self._has_calls or self.reason in ("length", "content_filter")

    def said(self, text: str) -> Chunk:
        """A text that is not the model's own."""
        return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}

    def last(self) -> Chunk:
        """The end of the answer."""
        return {"choices": [{"index": 0, "delta": {}, "finish_reason": self.reason}]}

    def _started(self, index: int, part: Any) -> JSONObject:
        if isinstance(part, TextPart):
            return self._text(part.content)
        if isinstance(part, ThinkingPart):
            return {"reasoning_content": part.content} if part.content else {}
        if isinstance(part, ToolCallPart):
            return self._call(index, part)
        if isinstance(part, FilePart):
            image = {"type": "image_url", "image_url": {"url": part.content.data_uri}}
            return {"images": [image]} if part.content.is_image else {}
        return {}

    def _continued(self, index: int, delta: Any) -> JSONObject:
        if isinstance(delta, TextPartDelta):
            return self._text(delta.content_delta)
        if isinstance(delta, ThinkingPartDelta):
            return {"reasoning_content": delta.content_delta} if delta.content_delta else {}
        if isinstance(delta, ToolCallPartDelta) and index in self._calls and delta.args_delta:
            function = {"arguments": _arguments(delta.args_delta)}
            return {"tool_calls": [{"index": self._calls[index], "function": function}]}
        return {}

    def _text(self, text: str) -> JSONObject:
        if not text or not self._shows_text:
            return {}
        if self._begins_anew:
            text, self._begins_anew = _NEW_TEXT + text, False
        self._has_said = True
        return {"content": text}

    def _call(self, index: int, part: ToolCallPart) -> JSONObject:
        if part.tool_name not in self._names:
            return {}
        place = self._calls[index] = len(self._calls)
        function = {"name": part.tool_name, "arguments": _arguments(part.args)}
        return {"tool_calls": [{"index": place, "id": part.tool_call_id, "type": "function", "function": function}]}


def usage_of(usage: UsageBase) -> JSONObject:
    """Pydantic AI's count in the form of the reference. In both, cached tokens are part of the input."""
    reasoning = usage.output_reasoning_tokens or usage.details.get("reasoning_tokens", 0)
    given = {"cached_tokens": usage.cache_read_tokens, "cache_creation_tokens": usage.cache_write_tokens}
    details = {
        "prompt_tokens_details": {**given, "audio_tokens": usage.input_audio_tokens},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": usage.output_audio_tokens},
    }
    body: JSONObject = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    for name, counts in details.items():
        if known := {key: count for key, count in counts.items() if count}:
            body[name] = known
    return body


def _arguments(given: Any) -> str:
    """The arguments of a call as the model wrote them, in pieces or whole."""
    if given is None or isinstance(given, str):
        return given or ""
    return encode(given).decode()
