"""Inputs that users of other gateways and SDKs have reported, of several kinds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.bodies import chunk, completion, usage_chunk
from tests.wire.cases import sources as at
from tests.wire.cases.case import (
    KEY,
    Case,
    Expected,
    called,
    counted,
    error_in_success,
    events,
    finished,
    formed,
    json_bytes,
    refused,
    spoken,
)

_F = [("f", '{"x":1}')]
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


def _part(name: str | None, arguments: Any, **fields: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({} if name is None else {"name": name})
    return {**fields, "type": "function", "function": function}


def _nothing_called(name: str, source: str, calls: Any, reason: str = "tool_calls") -> Case:
    """A text, a list of calls without a call, and a finish reason that claims to have one."""
    message = {"role": "assistant", "content": "Hello", "tool_calls": calls}
    return Case(
        kind="tool calls",
        name=name,
        source=source,
        answer=json_bytes(completion(choices=[{"index": 0, "message": message, "finish_reason": reason}])),
        stream=events(spoken(), chunk({"tool_calls": calls}), chunk(finish_reason=reason)),
        expected=Expected(text="Hello", reason="stop", hidden=('"tool_calls"',)),
    )


def _as_json(case: Case) -> Case:
    """The same answer to a request for a stream, whose answer is JSON as well."""
    return replace(case, name=f"{case.name}, JSON for a stream", stream=case.answer, content_type="application/json")


_WHOLE = _part("f", '{"x":1}', index=0, id="a")
_REPORTED_CALLS = [
    called(
        "one call under two indexes",
        at.LOCALAI,
        [[_part("f", "", index=0, id="a")], [{**_WHOLE, "index": 1}]],
        calls=_F,
    ),
    called(
        "one call whole under two indexes", at.LOCALAI, [[_WHOLE], [{**_WHOLE, "index": 1}]], [_WHOLE, _WHOLE], calls=_F
    ),
    called(
        "one call in pieces and whole",
        at.LOCALAI,
        [[_part("f", '{"x"', index=0, id="a")], [{**_WHOLE, "index": 1}], [{**_WHOLE, "index": 2}]],
        calls=_F,
    ),
    called(
        "id of the answer in each call",
        at.LOCALAI_ID,
        [[_WHOLE], [_part("f", '{"x":2}', index=1, id="a")]],
        [_WHOLE, _part("f", '{"x":2}', id="a")],
        calls=[*_F, ("f", '{"x":2}')],
    ),
    _nothing_called("call of nothing", at.LMSTUDIO_ID, [{"id": "", "type": "function"}]),
    _nothing_called("list without calls", at.NO_CALLS_LIST, []),
    _nothing_called("no list of calls", at.COPILOT, None),
    called(
        "two ids for one call",
        at.ATLAS,
        [
            [_part("f", "", index=0, id="call_2")],
            [_part("f", "", index=0, id="call_3")],
            [_part(None, '{"x":1}', index=0)],
        ],
        calls=_F,
    ),
    called("index -1", at.GLM_INDEX, [[_part("f", {"x": 1}, index=-1, id="a")]], calls=_F),
    called(
        "index always 1", at.FOUNDRY, [[_part("f", '{"x":', index=1, id="a")], [_part(None, "1}", index=1)]], calls=_F
    ),
    called(
        "nulls in further deltas",
        at.ZEN,
        [
            [_part("f", "", index=0, id="a")],
            [{"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": '{"x":1}'}}],
        ],
        calls=_F,
        hidden=('"name":null', '"id":null'),
    ),
    called(
        "empty strings in further deltas",
        at.DASHSCOPE,
        [[_part("f", '{"x":', index=0, id="a")], [_part("", "1}", index=0, id="")]],
        calls=_F,
        hidden=('"name":""', '"id":""'),
    ),
    called(
        "id in each delta",
        at.VLLM_IDS,
        [[_part("f", '{"x":', index=0, id="a")], [_part(None, "1}", index=0, id="a")]],
        calls=_F,
    ),
    called(
        "type in each delta",
        at.LITELLM_TYPE,
        [[_part("f", "", id="a", index=1)], [_part(None, '{"x":1}', index=1)]],
        calls=_F,
    ),
    called(
        "name in each delta",
        at.LLAMACPP_NAME,
        [[_part("f", '{"x":', index=0, id="a")], [_part("f", "1}", index=0)]],
        calls=_F,
    ),
    called(
        "no id from the second call on",
        at.SGLANG_NO_ID,
        [[_WHOLE], [{"index": 1, "id": None, "function": {"name": "g", "arguments": "{}"}}]],
        calls=[*_F, ("g", "{}")],
        shown=('"id":"call_',),
    ),
    called(
        "no type at all",
        at.AZURE_TYPE,
        [[{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x":1}'}}]],
        [{"id": "a", "function": {"name": "f", "arguments": '{"x":1}'}}],
        calls=_F,
        shown=('"type":"function"',),
    ),
    called("nothing more at the end", at.VLLM_END, [[_WHOLE], [{"index": 0, "function": {"arguments": ""}}]], calls=_F),
]

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
    *_REPORTED_CALLS,
    *_REPORTED_COUNTS,
    finished("tool-calls", at.NO_CALLS_HYPHEN, reason="stop"),
    _as_json(finished("max_output_tokens", at.OPENAI_RESPONSES, reason="length")),
    _as_json(replace(finished("abort", at.VLLM_CHAT), expected=Expected(state="failed", code="upstream_error"))),
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
