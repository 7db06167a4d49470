"""The fields of answers and errors in which an upstream can repeat a secret. Output of the model is not among them.

A path is where the text is: names of fields, and numbers of items. In a stream, `message` is `delta`. The fields are
those of the OpenAI reference and of the documents of vLLM, SGLang, llama.cpp, Ollama, OpenRouter, Azure, Gemini,
Mistral, DeepSeek, Groq, Moonshot, Zhipu, Alibaba, Anthropic, Perplexity, xAI, Together, Fireworks and LiteLLM.
"""

from __future__ import annotations

import copy
from typing import Any, Final

from tests.support.bodies import USAGE

Path = tuple[str | int, ...]
UNKNOWN: Final = "x_unheard_of"
"""A field that no document names."""

_BODY: Final = (
    *(
        "id",
        "object",
        "created",
        "model",
        "system_fingerprint",
        "service_tier",
        "obfuscation",
        "provider",
        "request_id",
    ),
    *("request_id", "citations", "search_results", "related_questions", "images", "x_groq", "prompt_filter_results"),
    *("timings", "kv_transfer_params", "metadata", "warning", "warnings", "moderation", "time_info", "usage_breakdown"),
    *(
        "type",
        "_hidden_params",
        "response_ms",
        "credits_used",
        "web_search",
        "request",
        "raw",
        "headers",
        "url",
        "sglext",
    ),
    *(
        "sglext",
        UNKNOWN,
        "guardrail",
        "trace",
        "session_id",
        "usageMetadata",
        "modelVersion",
        "responseId",
        "base_resp",
        "task_status",
    ),
)
_CHOICE: Final = (
    *("finish_reason", "native_finish_reason", "stop_reason", "matched_stop", "content_filter_results"),
    *("content_filter_result", "content_filter_offsets", "seed", "hidden_states", "meta_info", "grounding_metadata"),
    *("safety_ratings", "citation_metadata", "index", "provider", "routed_experts", "flags", UNKNOWN),
)
_MESSAGE: Final = (
    *("role", "name", "tool_call_id", "context", "end_turn", "metadata", "provider_specific_fields", "sources"),
    *(
        "prefix",
        "model",
        "recipient",
        "channel",
        "type",
        "status",
        "extra_content",
        "annotations",
        "citations",
        UNKNOWN,
    ),
)
_CALL: Final = (
    "id",
    "type",
    "extra_content",
    "provider_specific_fields",
    "thought_signature",
    "status",
    "index",
    UNKNOWN,
)
_USAGE: Final = (
    "cost_details",
    "pricing",
    "currency",
    "queue_time",
    "server_tool_use",
    "speed",
    "iterations",
    "note",
    UNKNOWN,
)
_LOGPROBS: Final = ("note", "model", "request_id", UNKNOWN)
_ERROR: Final = (
    *("message", "type", "param", "code", "status", "innererror", "details", "metadata", "request_id", "provider_name"),
    *(
        "inner_error",
        "help",
        "links",
        "target",
        "content_filter_result",
        "extra",
        "reason",
        "domain",
        "retryDelay",
        UNKNOWN,
    ),
)

ANSWER_PATHS: Final[list[Path]] = [
    *((name,) for name in _BODY),
    *(("choices", 0, name) for name in _CHOICE),
    *(("choices", 0, "message", name) for name in _MESSAGE),
    *(("choices", 0, "message", "tool_calls", 0, name) for name in _CALL),
    *(("choices", 0, "message", "tool_calls", 0, "function", name) for name in ("id", "description", "strict")),
    *(("choices", 0, "message", "function_call", name) for name in ("id", "note")),
    *(("choices", 0, "message", "audio", name) for name in ("id", "format", "expires_at")),
    *(("choices", 0, "message", "annotations", 0, name) for name in ("type", "note")),
    *(("choices", 0, "message", "annotations", 0, "url_citation", name) for name in ("url", "title", "content")),
    *(("choices", 0, "message", "images", 0, name) for name in ("type", "note")),
    *(("choices", 0, "message", "reasoning_details", 0, name) for name in ("id", "type", "format", "note")),
    *(("choices", 0, "message", "thinking_blocks", 0, name) for name in ("type", "note")),
    *(("choices", 0, "logprobs", name) for name in _LOGPROBS),
    *(("choices", 0, "logprobs", "content", 0, name) for name in ("note", "model")),
    *(("usage", name) for name in _USAGE),
    *(("usage", "prompt_tokens_details", name) for name in ("cached_tokens", "note")),
    *(("usage", "completion_tokens_details", name) for name in ("reasoning_tokens", "note")),
    *(("choices", 0, "message", name) for name in ("audio", "images", "reasoning_details", "thinking_blocks")),
    *(("choices", 0, "usage", name) for name in ("note",)),
]
ERROR_PATHS: Final[list[Path]] = [
    *(("error", name) for name in _ERROR),
    *(("error", "innererror", name) for name in ("code", "note")),
    *(("error", "details", 0, name) for name in ("@type", "reason", "note")),
    *(("error", "metadata", name) for name in ("raw", "provider_name", "headers")),
    *(
        (name,)
        for name in ("detail", "message", "msg", "code", "type", "object", "request_id", "docs", "status", UNKNOWN)
    ),
    *(("detail", 0, name) for name in ("msg", "loc", "type", "input", "url", "ctx")),
]

_CALL_OF_A_TOOL: Final = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def answer_with(path: Path, secret: Any, *, is_stream: bool) -> dict[str, Any]:
    """A usual answer or chunk with a secret at this place."""
    message: dict[str, Any] = {"role": "assistant", "content": "Hello"}
    if "tool_calls" in path:
        message["tool_calls"] = [{"index": 0, **copy.deepcopy(_CALL_OF_A_TOOL)}]
    if "function_call" in path:
        message["function_call"] = {"name": "f", "arguments": "{}"}
    part = "delta" if is_stream else "message"
    choice = {"index": 0, part: message, "finish_reason": "stop", "logprobs": None}
    head = {"id": "chatcmpl-upstream", "object": "chat.completion", "created": 1_700_000_000, "model": "m"}
    body: dict[str, Any] = {**head, "choices": [choice], "usage": dict(USAGE)}
    put(body, tuple(part if step == "message" and len(path) > 2 else step for step in path), secret)
    return body


def put(holder: Any, path: Path, secret: Any) -> None:
    """Store a value at a place, and make what is missing on the way to it."""
    *way, last = path
    for step, following in zip(way, path[1:], strict=True):
        empty: Any = [{}] if following == 0 else {}
        if isinstance(holder, dict) and not holder.get(step):
            holder[step] = empty
        holder = holder[step]
    holder[last] = secret
