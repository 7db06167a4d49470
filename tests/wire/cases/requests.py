"""Requests of clients of other servers: what is passed on as it is, and what is refused by name."""

from __future__ import annotations

from typing import Any

from tests.wire.cases import sources as at
from tests.wire.cases.case import Case
from tests.wire.cases.usual import usual

_CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
_SIGNED = {**_CALL, "extra_content": {"google": {"thought_signature": "Ab+"}}}
_USER = {"role": "user", "content": "Hi"}
_ANSWER = {"role": "tool", "tool_call_id": "a", "content": "1"}


def _passed(name: str, source: str, **fields: Any) -> Case:
    """These fields reach the upstream as they are."""
    sent = {name: value for name, value in fields.items() if name != "messages"}
    return usual("request", name, source, request=fields, expected={"sent": sent})


def _said(name: str, source: str, *messages: dict[str, Any]) -> Case:
    """These messages reach the upstream as they are, after the instructions."""
    rule = {"role": "system", "content": "You are the agent of the kit shop."}
    return usual(
        "request", name, source, request={"messages": messages}, expected={"sent": {"messages": [rule, *messages]}}
    )


def _refused(name: str, source: str, param: str, code: str, **fields: Any) -> Case:
    expected = {"state": "refused", "status": 400, "param": param, "code": code, "text": None, "reason": None}
    return usual("request", name, source, request=fields, expected={**expected, "tokens": None})


REQUESTS = [
    _said(
        "turn of reasoning",
        at.DEEPSEEK_REASONING,
        _USER,
        {"role": "assistant", "content": None, "reasoning_content": "Hm."},
        _USER,
    ),
    _said(
        "turn of reasoning details",
        at.OPENROUTER_REASONING,
        _USER,
        {"role": "assistant", "content": None, "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        _USER,
    ),
    _said(
        "reasoning beside calls",
        at.DEEPSEEK_REASONING,
        _USER,
        {"role": "assistant", "content": None, "reasoning_content": "Hm.", "tool_calls": [_CALL]},
        _ANSWER,
    ),
    _said("signature in a call", at.GEMINI_SIGNATURE, _USER, {"role": "assistant", "tool_calls": [_SIGNED]}, _ANSWER),
    _said("video", at.VLLM_MEDIA, {"role": "user", "content": [{"type": "video_url", "video_url": {"url": "x"}}]}),
    _said("audio", at.VLLM_MEDIA, {"role": "user", "content": [{"type": "audio_url", "audio_url": {"url": "x"}}]}),
    _said(
        "mark of a cache",
        at.OPENROUTER_CACHE,
        {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]},
    ),
    _said("empty list of calls", at.NO_CALL, _USER, {"role": "assistant", "content": "a", "tool_calls": []}, _USER),
    _said("prefill", at.DEEPSEEK, _USER, {"role": "assistant", "content": "{", "prefix": True}),
    _passed("grammar", at.FIREWORKS_GRAMMAR, response_format={"type": "grammar", "grammar": "root ::= x"}),
    _passed(
        "structural tag", at.SGLANG_TAG, response_format={"type": "structural_tag", "structures": [], "triggers": []}
    ),
    _passed("thinking", at.ZHIPU_STOP, thinking={"type": "enabled"}),
    _passed("thinking switched on", at.ALIBABA_THINKING, enable_thinking=True, thinking_budget=50),
    _passed("reasoning", at.OPENROUTER_REASONING, reasoning={"effort": "high", "exclude": False}),
    _passed("arguments of the template", at.VLLM_SERVER, chat_template_kwargs={"enable_thinking": False}, top_k=20),
    _refused("metadata of a number", at.OPENAI_METADATA, "metadata.a", "invalid_type", metadata={"a": 1}),
    _refused(
        "usage in every chunk",
        at.VLLM_SERVER,
        "stream_options.continuous_usage_stats",
        "unsupported_parameter",
        stream=True,
        stream_options={"include_usage": True, "continuous_usage_stats": True},
    ),
    _refused(
        "address of another upstream",
        at.LITELLM_BASE,
        "api_base",
        "unsupported_parameter",
        api_base="http://127.0.0.1:9",
    ),
    _refused(
        "turn of nothing",
        at.DEEPSEEK_REASONING,
        "messages[1].content",
        "invalid_type",
        messages=[_USER, {"role": "assistant", "content": None, "reasoning_content": ""}],
    ),
    _refused("answer to no call", at.NO_CALL, "messages[1].tool_call_id", "invalid_value", messages=[_USER, _ANSWER]),
]
