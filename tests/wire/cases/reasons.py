"""Finish reasons: normal ends, lengths, filters, failures, calls and unknown words."""

from __future__ import annotations

from tests.support.bodies import chunk, completion
from tests.wire.cases.case import Case, Expected, events, failed, finished, json_bytes, spoken

_AFTER = Case(
    kind="finish reason",
    name="text after it",
    source="Gemini",
    stream=events(spoken("Hel"), chunk({"content": ""}, "stop"), chunk({"content": "lo"}, "stop")),
    expected=Expected(text="Hello", reason="stop"),
)
_FUNCTION = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
_LEGACY = Case(
    kind="finish reason",
    name="legacy call that stopped",
    source="LocalAI",
    answer=json_bytes(completion(choices=[{"index": 0, "message": _FUNCTION, "finish_reason": "stop"}])),
    stream=events(chunk(_FUNCTION), chunk(finish_reason="stop")),
    expected=Expected(reason="function_call"),
)

REASONS = [
    *(finished(word, source, reason="stop") for word, source in [
        ("eos", "TGI"), ("eos_token", "TGI"), ("end_turn", "Anthropic"), ("stop_sequence", "Anthropic"),
        ("COMPLETE", "Cohere"), ("STOP", "Gemini"), ("FinishReason.STOP", "Gemini SDKs"), ("tool_calls", "LM Studio"),
        ("function_call", "LocalAI"),
    ]),
    *(finished(word, source, reason="length") for word, source in [
        ("max_tokens", "Anthropic"), ("model_length", "Mistral"), ("max_output_tokens", "OpenAI Responses"),
        ("MAX_TOKENS", "Gemini"), ("model_context_window_exceeded", "Anthropic"),
    ]),
    *(finished(word, source, reason="content_filter") for word, source in [
        ("sensitive", "Zhipu"), ("content_filtered", "Bedrock"), ("PROHIBITED_CONTENT", "Gemini"),
        ("RECITATION", "Gemini"), ("BLOCKLIST", "Gemini"), ("refusal", "Anthropic"), ("SAFETY", "Gemini"),
        ("guardrail_intervened", "Bedrock"),
    ]),
    *(failed(word, source) for word, source in [
        ("error", "OpenRouter"), ("abort", "vLLM, SGLang"), ("insufficient_system_resource", "DeepSeek"),
        ("network_error", "Zhipu"), ("MALFORMED_FUNCTION_CALL", "Gemini"), ("cancelled", "LM Studio"),
    ]),
    finished("pause_turn", "Anthropic", reason="pause_turn"),
    finished("repetition_detected", "unknown", reason="repetition_detected"),
    _AFTER,
    _LEGACY,
]  # fmt: skip
