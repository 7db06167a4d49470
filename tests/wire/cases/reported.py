"""Inputs that users of other gateways and SDKs have reported, of several kinds. Tool calls are in `reported_calls`."""

from __future__ import annotations

from dataclasses import replace

from tests.support.bodies import chunk, usage_chunk
from tests.wire.cases import sources as at
from tests.wire.cases.case import (
    KEY,
    Case,
    Expected,
    counted,
    error_in_success,
    events,
    finished,
    formed,
    json_bytes,
    refused,
    spoken,
)

_LEAK = f"Concurrency limit of {KEY} exceeded"
_TOO_LONG = {
    "error": {
        "code": 400,
        "message": "request (6009 tokens) exceeds the available context size (4096 tokens), try increasing it",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 6009,
        "n_ctx": 4096,
    }
}


def _as_json(case: Case) -> Case:
    """The same answer to a request for a stream, whose answer is JSON as well."""
    return replace(case, name=f"{case.name}, JSON for a stream", stream=case.answer, content_type="application/json")


_REPORTED_COUNTS = [
    counted(
        "only reasoning",
        at.CPA,
        {
            "prompt_tokens": 21,
            "completion_tokens": 0,
            "total_tokens": 81,
            "completion_tokens_details": {"reasoning_tokens": 60},
        },
        tokens=(21, 60),
        reasoning=60,
    ),
    counted(
        "thoughts in the total alone",
        at.CLARIFAI,
        {"prompt_tokens": 20, "completion_tokens": 424, "total_tokens": 1016},
        tokens=(20, 996),
    ),
    counted(
        "total that is off by one",
        at.HINDSIGHT,
        {
            "prompt_tokens": 3110,
            "completion_tokens": 673,
            "total_tokens": 4691,
            "completion_tokens_details": {"reasoning_tokens": 909},
        },
        tokens=(3110, 1581),
        reasoning=909,
    ),
    counted(
        "reasoning within",
        at.PI_REASONING,
        {
            "prompt_tokens": 7,
            "completion_tokens": 33,
            "completion_tokens_details": {"text_tokens": 12, "reasoning_tokens": 21},
        },
        tokens=(7, 33),
        reasoning=21,
    ),
    counted(
        "more reasoning than completion",
        at.LANGFUSE,
        {
            "prompt_tokens": 7,
            "completion_tokens": 102,
            "total_tokens": 109,
            "completion_tokens_details": {"reasoning_tokens": 109},
        },
        tokens=(7, 102),
        reasoning=102,
    ),
    counted("empty object", at.LITELLM_IDS, {}, is_estimated=True),
]

REPORTED = [
    *_REPORTED_COUNTS,
    finished("tool-calls", at.NO_CALLS_HYPHEN, reason="stop"),
    _as_json(finished("max_output_tokens", at.OPENAI_RESPONSES, reason="length")),
    _as_json(replace(finished("abort", at.VLLM_ENGINE), expected=Expected(state="failed", code="upstream_error"))),
    error_in_success(
        "JSON of a refusal",
        at.LEMONADE,
        _TOO_LONG,
        code=None,
        message="exceeds the available context size",
        logged=("type 'exceed_context_size_error'",),
    ),
    Case(
        kind="error in a success",
        name="JSON between the events",
        source=at.LEMONADE,
        stream=json_bytes(_TOO_LONG),
        expected=Expected(state="failed", message="exceeds the available context size"),
    ),
    Case(
        kind="error in a success",
        name="pings, then an error",
        source=at.CCLOAD,
        stream=events(
            {"type": "ping"},
            {"type": "ping"},
            {"type": "error", "error": {"type": "rate_limit_error", "message": _LEAK}},
            end=b"",
        ),
        expected=Expected(state="failed", code="rate_limit_exceeded", hidden=(KEY, "ping")),
    ),
    Case(
        kind="error in a success",
        name="end after the usage",
        source=at.CUT_AFTER_USAGE,
        stream=events(spoken(), usage_chunk(), end=b""),
        expected=Expected(state="failed", code="upstream_error", tokens=None),
    ),
    Case(
        kind="error in a success",
        name="end after the text",
        source=at.CUT,
        stream=events(spoken(), end=b""),
        expected=Expected(state="failed", code="upstream_error"),
    ),
    refused(
        "event",
        at.NEW_API,
        b'event:error\ndata:{"code":"context_length_exceeded","message":"Input is too long"}\n\ndata: [DONE]\n\n',
        content_type="text/event-stream",
        message="Input is too long",
        code="context_length_exceeded",
        hidden=("data:",),
    ),
    refused(
        "event after a ping",
        at.NEW_API,
        b'event: error\ndata: {"error":{"message":"Input is too long"}}\n\nevent: ping\ndata: {}\n\n',
        content_type="text/event-stream",
        message="Input is too long",
        hidden=("ping",),
    ),
    *(
        refused(f"words in {name}", at.ONE_API_ERRORS, body, message="Input is too long", hidden=(KEY,))
        for name, body in [
            ("err", {"err": f"Input is too long {KEY}"}),
            ("header", {"header": {"code": 10013, "message": f"Input is too long {KEY}"}}),
            ("response", {"response": {"error": {"message": f"Input is too long {KEY}"}}}),
        ]
    ),
    formed(
        "its id changes, and it counts nothing",
        at.LITELLM_IDS,
        stream=events(
            chunk({"content": "Hel", "role": None}, id="chatcmpl-1", usage={}),
            chunk({"content": "lo", "role": None}, id="chatcmpl-2", usage={}),
            chunk(finish_reason="stop", id="chatcmpl-3"),
        ),
        shown=('"id":"chatcmpl-1"',),
        hidden=("chatcmpl-2", "chatcmpl-3", '"role":null'),
    ),
]
