"""Token counts: every place and name, totals, types and absurd values."""

from __future__ import annotations

from tests.support.bodies import chunk
from tests.wire.cases import sources as at
from tests.wire.cases.case import Case, Expected, counted, events, spoken

COUNTS = [
    counted(
        "total with reasoning beside",
        at.CPA,
        {"prompt_tokens": 20, "completion_tokens": 198, "total_tokens": 623},
        tokens=(20, 603),
    ),
    counted(
        "reasoning beside",
        at.XAI,
        {
            "prompt_tokens": 32,
            "completion_tokens": 9,
            "total_tokens": 135,
            "completion_tokens_details": {"reasoning_tokens": 94},
        },
        tokens=(32, 103),
        reasoning=94,
    ),
    counted(
        "reasoning beside, no total",
        at.XAI,
        {"prompt_tokens": 32, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 94}},
        tokens=(32, 103),
        reasoning=94,
    ),
    counted("completion 0", at.CPA, {"prompt_tokens": 21, "completion_tokens": 0, "total_tokens": 81}, tokens=(21, 60)),
    counted("no completion", at.CPA, {"prompt_tokens": 21, "total_tokens": 81}, tokens=(21, 60)),
    counted(
        "in the choice",
        at.MOONSHOT_USAGE,
        {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        place="choice",
        tokens=(7, 3),
    ),
    counted("x_groq", at.GROQ, {"usage": {"prompt_tokens": 7, "completion_tokens": 3}}, place="x_groq", tokens=(7, 3)),
    counted(
        "beside the choices", at.OLLAMA_USAGE, {"prompt_tokens": 7, "completion_tokens": 3}, place="body", tokens=(7, 3)
    ),
    counted(
        "cache hits",
        at.DEEPSEEK,
        {"prompt_tokens": 70, "completion_tokens": 3, "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 6},
        tokens=(70, 3),
        cached=64,
        shown=('"cached_tokens":64',),
    ),
    counted(
        "input and output",
        at.OPENAI_RESPONSES,
        {
            "input_tokens": 8,
            "output_tokens": 4,
            "total_tokens": 12,
            "input_tokens_details": {"cached_tokens": 2},
            "output_tokens_details": {"reasoning_tokens": 1},
        },
        tokens=(8, 4),
        cached=2,
        reasoning=1,
    ),
    counted(
        "cache beside the input",
        at.ANTHROPIC_CACHE,
        {"input_tokens": 8, "output_tokens": 4, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 10},
        tokens=(118, 4),
        cached=100,
    ),
    counted(
        "cache within the prompt",
        at.ANTHROPIC_CACHE,
        {"prompt_tokens": 118, "completion_tokens": 4, "cache_read_input_tokens": 100},
        tokens=(118, 4),
        cached=100,
    ),
    counted("camel case", at.BEDROCK, {"inputTokens": 8, "outputTokens": 4, "totalTokens": 12}, tokens=(8, 4)),
    counted(
        "usageMetadata",
        at.CPA,
        {"promptTokenCount": 8, "candidatesTokenCount": 4, "thoughtsTokenCount": 6, "totalTokenCount": 18},
        place="usageMetadata",
        tokens=(8, 10),
        reasoning=6,
    ),
    counted(
        "timings",
        at.LLAMACPP,
        {"prompt_n": 8, "predicted_n": 4, "cache_n": 20},
        place="timings",
        tokens=(28, 4),
        cached=20,
    ),
    counted("eval counts", at.OLLAMA_USAGE, {"prompt_eval_count": 8, "eval_count": 4}, place="body", tokens=(8, 4)),
    counted("floats", at.MISTRAL_USAGE, {"prompt_tokens": 7.0, "completion_tokens": 3.0}, tokens=(7, 3)),
    counted("digits", at.ONE_API, {"prompt_tokens": "7", "completion_tokens": "3"}, tokens=(7, 3)),
    counted(
        "details of another type",
        at.ONE_API,
        {
            "prompt_tokens": 7,
            "completion_tokens": 3,
            "prompt_tokens_details": "x",
            "completion_tokens_details": {"reasoning_tokens": "x"},
        },
        tokens=(7, 3),
        hidden=('"x"',),
    ),
    counted(
        "far too large", at.ONE_API, {"prompt_tokens": 7, "completion_tokens": 10**12}, tokens=(7, 2), is_estimated=True
    ),
    counted("beyond any window", at.ONE_API, {"prompt_tokens": 10**9, "completion_tokens": 3}, is_estimated=True),
    counted("negative", at.ONE_API, {"prompt_tokens": 7, "completion_tokens": -3}, tokens=(7, 2), is_estimated=True),
    counted("booleans", at.ONE_API, {"prompt_tokens": True, "completion_tokens": True}, is_estimated=True),
    counted("fractions", at.ONE_API, {"prompt_tokens": 7.5, "completion_tokens": 3.5}, is_estimated=True),
    counted("zeros", at.TGI, {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, is_estimated=True),
    counted("text", at.ONE_API, "9 tokens", is_estimated=True),
    Case(
        kind="usage",
        name="in two parts",
        source=at.ANTHROPIC_STREAM,
        stream=events(
            spoken() | {"usage": {"prompt_tokens": 7}},
            chunk(finish_reason="stop", usage={"completion_tokens": 3}),
        ),
        expected=Expected(text="Hello", tokens=(7, 3), source="upstream"),
    ),
    Case(
        kind="usage",
        name="last object without choices",
        source=at.OLLAMA_USAGE,
        stream=events(spoken(), chunk(finish_reason="stop"), {"prompt_tokens": 7, "completion_tokens": 3}),
        expected=Expected(text="Hello", tokens=(7, 3), source="upstream"),
    ),
    Case(
        kind="usage",
        name="last chunk with choices null",
        source=at.AZURE_FILTER,
        stream=events(
            spoken(),
            chunk(finish_reason="stop"),
            chunk(choices=None, usage={"prompt_tokens": 7, "completion_tokens": 3}),
        ),
        expected=Expected(text="Hello", tokens=(7, 3), source="upstream"),
    ),
]
