"""Converts LangChain's answers into those of the OpenAI reference.

Finish reasons keep the vendor's word: `threadless.completions.finish_reasons` knows them all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any, Final

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata, add_usage

from threadless.backends.convert import completion_of, text_chunk
from threadless.encoding import encode
from threadless.exceptions import UpstreamError
from threadless.types import Chunk, JSONObject, JSONValue

logger = logging.getLogger("threadless")

_REASONS: Final = ("finish_reason", "stop_reason", "stopReason", "done_reason")
"""OpenAI and Google; Anthropic; Bedrock; Ollama."""
_MODELS: Final = ("model_name", "model", "model_id")
_TOOL_PARTS: Final = frozenset(
    {"tool_use", "tool_call", "tool_call_chunk", "invalid_tool_call", "input_json_delta", "function_call"}
    | {"server_tool_use", "server_tool_call", "server_tool_result", "web_search_tool_result", "custom_tool_call"}
)
"""Calls of tools, which are read elsewhere, and what the vendor's own tools did."""


class AnswerReader:
    """Reads the messages of one answer. Usage is summed, because vendors report it in parts."""

    def __init__(self) -> None:
        self.usage: UsageMetadata | None = None

    def chunks(self, parts: Iterable[Any]) -> Iterator[Chunk]:
        """Each part of a stream as a chunk: an `AIMessageChunk`, an `AIMessage` or a text."""
        for part in parts:
            chunk = self.chunk(part)
            if chunk is not None:
                yield chunk

    def chunk(self, part: Any) -> Chunk | None:
        """The chunk for one part of an answer; None if it says nothing."""
        if isinstance(part, str):
            return text_chunk(part) if part else None
        if not isinstance(part, AIMessage):
            raise UpstreamError(f"The model's answer is not a message, but of type {type(part).__name__!r}.")
        delta, reason = _delta(part), reason_of(part)
        usage = self._add(part.usage_metadata)
        if not delta and not reason and not usage:
            return None
        choice = {"index": 0, "delta": delta, "finish_reason": reason, **_logprobs(part)}
        return {**_head(part), "choices": [choice] if delta or reason else [], **usage}

    def completion(self, message: Any) -> JSONObject:
        """A whole answer."""
        chunk = self.chunk(message)
        if chunk is None:
            raise UpstreamError("The model gave no answer.")
        body = completion_of([chunk])
        if not body["choices"]:
            raise UpstreamError("The model gave no answer.")
        return body

    def _add(self, usage: UsageMetadata | None) -> JSONObject:
        if not usage:
            return {}
        self.usage = usage if self.usage is None else add_usage(self.usage, usage)
        return {"usage": usage_of(self.usage)}


def usage_of(usage: UsageMetadata) -> JSONObject:
    """LangChain's count in the form of the reference. In both, cached tokens are part of the input."""
    given, produced = dict(usage.get("input_token_details") or {}), dict(usage.get("output_token_details") or {})
    prompt = {"cached_tokens": given.get("cache_read"), "cache_creation_tokens": given.get("cache_creation")}
    completion = {"reasoning_tokens": produced.get("reasoning"), "audio_tokens": produced.get("audio")}
    details = {
        "prompt_tokens_details": {**prompt, "audio_tokens": given.get("audio")},
        "completion_tokens_details": completion,
    }
    body: JSONObject = {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "total_tokens": usage["total_tokens"],
    }
    for name, counts in details.items():
        if known := {key: count for key, count in counts.items() if count}:
            body[name] = known
    return body


def _head(message: AIMessage) -> JSONObject:
    """The fields of the body: the vendor's model for the ledger, its fingerprint."""
    metadata = message.response_metadata
    model = next((metadata[name] for name in _MODELS if isinstance(metadata.get(name), str)), None)
    head = {"model": model, "system_fingerprint": metadata.get("system_fingerprint")}
    return {name: value for name, value in head.items() if value}


def reason_of(message: AIMessage) -> str | None:
    """The vendor's word for the end of an answer; "stop" for a whole answer without one."""
    reasons = (message.response_metadata.get(name) for name in _REASONS)
    reason = next((reason for reason in reasons if reason), None)
    if reason is None and not isinstance(message, AIMessageChunk):
        return "stop"
    return None if reason is None else str(getattr(reason, "name", reason))  # Google has an enumeration


def _logprobs(message: AIMessage) -> JSONObject:
    logprobs = message.response_metadata.get("logprobs")
    return {"logprobs": logprobs} if isinstance(logprobs, dict) else {}


def _delta(message: AIMessage) -> JSONObject:
    """What the message adds to the answer."""
    delta: JSONObject = {}
    content = message.content
    for part in [content] if isinstance(content, str) else content:
        _add_part(delta, part)
    extra = message.additional_kwargs
    _add_text(delta, "reasoning_content", extra.get("reasoning_content") or "")
    _add_text(delta, "refusal", extra.get("refusal") or "")
    if isinstance(extra.get("audio"), dict):
        delta["audio"] = extra["audio"]
    if calls := _calls(message):
        delta["tool_calls"] = calls
    return delta


def _add_part(delta: JSONObject, part: JSONValue) -> None:
    if isinstance(part, str):
        _add_text(delta, "content", part)
        return
    kind = part.get("type")
    if kind in ("text", "text_delta", "output_text"):
        _add_text(delta, "content", part.get("text") or "")
    elif kind == "refusal":
        _add_text(delta, "refusal", part.get("refusal") or "")
    elif kind in ("thinking", "reasoning", "reasoning_content"):
        _add_text(delta, "reasoning_content", _reasoning(part))
    elif (url := _image_url(part)) is not None:
        delta.setdefault("images", []).append({"type": "image_url", "image_url": {"url": url}})
    elif kind not in _TOOL_PARTS and kind != "redacted_thinking":
        logger.warning("A part of type %r of a model's answer was not passed on.", str(kind)[:64])


def _reasoning(part: JSONObject) -> str:
    """Anthropic and Google: `thinking`; LangChain's own: `reasoning`; Bedrock: an object; OpenAI: `summary`."""
    nested = part.get("reasoning_content")
    text = part.get("thinking") or part.get("reasoning") or (nested.get("text") if isinstance(nested, dict) else nested)
    summary = part.get("summary")
    if not text and isinstance(summary, list):
        text = "".join(item.get("text") or "" for item in summary if isinstance(item, dict))
    return text if isinstance(text, str) else ""


def _image_url(part: JSONObject) -> str | None:
    """The address of a generated image, often a `data:` one."""
    image = part.get("image_url")
    if part.get("type") == "image_url":
        return image.get("url") if isinstance(image, dict) else image
    if part.get("type") == "image":
        data = part.get("base64") or part.get("data")
        return f"data:{part.get('mime_type') or 'image/png'};base64,{data}" if data else part.get("url")
    return None


def _add_text(delta: JSONObject, name: str, text: str) -> None:
    if text:
        delta[name] = delta.get(name, "") + text


def _calls(message: AIMessage) -> list[JSONObject]:
    """The calls of client tools, in pieces or whole."""
    if isinstance(message, AIMessageChunk):
        return [
            _call(piece.get("index"), piece.get("id"), piece.get("name"), piece.get("args") or "")
            for piece in message.tool_call_chunks
        ]
    whole = [(call["id"], call["name"], encode(call["args"]).decode()) for call in message.tool_calls]
    whole += [(call["id"], call["name"] or "", call["args"] or "") for call in message.invalid_tool_calls]
    return [_call(index, *call) for index, call in enumerate(whole)]


def _call(index: Any, identity: str | None, name: str | None, arguments: str) -> JSONObject:
    call: JSONObject = {"type": "function", "function": {"arguments": arguments}}
    if isinstance(index, int):
        call["index"] = index
    if identity:
        call["id"] = identity
    if name:
        call["function"]["name"] = name
    return call
