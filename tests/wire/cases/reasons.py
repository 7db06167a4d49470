"""Finish reasons: normal ends, lengths, filters, failures, calls and unknown words."""

from __future__ import annotations

from tests.support.bodies import chunk, completion
from tests.wire.cases import sources as at
from tests.wire.cases.case import Case, Expected, events, failed, finished, json_bytes, spoken

_AFTER = Case(
    kind="finish reason",
    name="text after it",
    source=at.GEMINI_STOP,
    stream=events(spoken("Hel"), chunk({"content": ""}, "stop"), chunk({"content": "lo"}, "stop")),
    expected=Expected(text="Hello", reason="stop"),
)
_FUNCTION = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
_LEGACY = Case(
    kind="finish reason",
    name="legacy call that stopped",
    source=at.LOCALAI,
    answer=json_bytes(completion(choices=[{"index": 0, "message": _FUNCTION, "finish_reason": "stop"}])),
    stream=events(chunk(_FUNCTION), chunk(finish_reason="stop")),
    expected=Expected(reason="function_call"),
)

REASONS = [
    *(
        finished(word, source, reason="stop")
        for word, source in [
            ("eos", at.TGI),
            ("eos_token", at.TGI),
            ("end_turn", at.ANTHROPIC_STOP),
            ("stop_sequence", at.ANTHROPIC_STOP),
            ("COMPLETE", at.COHERE),
            ("STOP", at.GEMINI_STOP),
            ("FinishReason.STOP", at.GEMINI_STOP),
            ("tool_calls", at.NO_CALL),
            ("function_call", at.LOCALAI),
        ]
    ),
    *(
        finished(word, source, reason="length")
        for word, source in [
            ("max_tokens", at.ANTHROPIC_STOP),
            ("model_length", at.MISTRAL_STOP),
            ("max_output_tokens", at.OPENAI_RESPONSES),
            ("MAX_TOKENS", at.GEMINI_STOP),
            ("model_context_window_exceeded", at.ANTHROPIC_STOP),
        ]
    ),
    *(
        finished(word, source, reason="content_filter")
        for word, source in [
            ("sensitive", at.ZHIPU_STOP),
            ("content_filtered", at.BEDROCK_STOP),
            ("PROHIBITED_CONTENT", at.GEMINI_STOP),
            ("RECITATION", at.GEMINI_STOP),
            ("BLOCKLIST", at.GEMINI_STOP),
            ("refusal", at.ANTHROPIC_STOP),
            ("SAFETY", at.GEMINI_STOP),
            ("guardrail_intervened", at.BEDROCK_STOP),
        ]
    ),
    *(
        failed(word, source)
        for word, source in [
            ("error", at.OPENROUTER_CHOICE),
            ("abort", at.VLLM_ENGINE),
            ("insufficient_system_resource", at.DEEPSEEK),
            ("network_error", at.ZHIPU_STOP),
            ("MALFORMED_FUNCTION_CALL", at.GEMINI_STOP),
            ("cancelled", at.NO_CALL),
        ]
    ),
    finished("pause_turn", at.ANTHROPIC_STOP, reason="pause_turn"),
    finished("repetition", at.VLLM_ENGINE, reason="repetition"),
    _AFTER,
    _LEGACY,
]
