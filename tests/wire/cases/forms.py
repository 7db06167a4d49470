"""Forms of an answer: labels, named events, lines that are no JSON, numbers that JSON does not have."""

from __future__ import annotations

import json
from typing import Any

from tests.support.bodies import DONE, chunk, completion
from tests.wire.cases import sources as at
from tests.wire.cases.case import KEY, PRIVATE_MODEL, events, formed, spoken

_STOP = chunk(finish_reason="stop")
_USUAL = events(spoken(), _STOP)
_ANSWER = completion("Hello")


def _logprobs(value: float | None) -> dict[str, Any]:
    content = [
        {
            "token": "NaN",
            "logprob": value,
            "bytes": None,
            "top_logprobs": [{"token": "a", "logprob": value, "bytes": None}],
        }
    ]
    return {"index": 0, "finish_reason": None, "logprobs": {"content": content, "refusal": None}}


def _with_logprobs(value: float | None) -> dict[str, bytes]:
    message = {"role": "assistant", "content": "Hello"}
    answer = completion(choices=[{**_logprobs(value), "message": message, "finish_reason": "stop"}])
    stream = events(json_event(chunk(choices=[{**_logprobs(value), "delta": message}])), _STOP)
    return {"answer": json.dumps(answer).encode(), "stream": stream}


def json_event(body: Any) -> bytes:
    return b"data: %b\n\n" % json.dumps(body).encode()


_UNLIKELY = ('"logprob":-9999.0', '"token":"NaN"')
_PARTS: Any = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Hello"}]
_BARE = {"choices": [{"message": {"content": "Hello"}}]}
_ODD_ID = {"id": "gen-1732_a.B"}
_LEAKS = {
    "id": KEY,
    "system_fingerprint": f"fp {KEY}",
    "service_tier": PRIVATE_MODEL,
    "provider": f"http://{KEY}@upstream.internal",
    "usage": {"prompt_tokens": 9, "completion_tokens": 5, "note": KEY},
}
_LEAKING = {"index": 0, "finish_reason": f"ended by {KEY}", "native_finish_reason": KEY, "note": KEY}

FORMS = [
    formed("usual", at.OPENAI, answer=_ANSWER, stream=_USUAL, shown=("chatcmpl-upstream",)),
    formed("-Infinity", at.SGLANG_LOGPROBS, **_with_logprobs(float("-inf")), shown=_UNLIKELY),
    formed("log probability null", at.VLLM_NULL, **_with_logprobs(None), shown=_UNLIKELY),
    formed("NaN", at.VLLM_LOGPROBS, **_with_logprobs(float("nan")), shown=_UNLIKELY),
    formed(
        "Infinity in another field",
        at.TGI,
        answer=b'{"score": Infinity, ' + json.dumps(_ANSWER).encode()[1:],
        stream=events(b'data: {"score": -Infinity, ' + json.dumps(spoken()).encode()[1:] + b"\n\n", _STOP),
        shown=('"score":null',),
    ),
    formed(
        "ping event", at.ANTHROPIC_STREAM, stream=b'event: ping\ndata: {"type":"ping"}\n\n' + _USUAL, hidden=("ping",)
    ),
    formed("ping without a name", at.ANTHROPIC_STREAM, stream=b'data: {"type":"ping"}\n\n' + _USUAL, hidden=("ping",)),
    formed(
        "named events of another API",
        at.ANTHROPIC_STREAM,
        stream=b'event: message_start\ndata: {"type":"message_start","message":{}}\n\n' + _USUAL,
        hidden=("message_start",),
    ),
    formed(
        "keep-alive text",
        at.SSE,
        stream=b"data: still working\n\n" + events(spoken(), b"data: still working\n\n", _STOP),
        hidden=("still working",),
    ),
    formed("number", at.SSE, stream=b"data: 1\n\n" + _USUAL),
    formed("comments", at.OPENROUTER_STREAM, stream=b": OPENROUTER PROCESSING\n\n" + _USUAL, hidden=("PROCESSING",)),
    formed(
        "blank lines first", at.DEEPSEEK_IDLE, answer=b"\n\n\n" + json.dumps(_ANSWER).encode(), stream=b"\n\n" + _USUAL
    ),
    formed(
        "byte order mark",
        at.SSE,
        answer=b"\xef\xbb\xbf" + json.dumps(_ANSWER).encode(),
        stream=b"\xef\xbb\xbf" + _USUAL,
    ),
    formed("events as JSON", at.FASTAPI, answer=_USUAL, stream=_USUAL, content_type="application/json"),
    formed(
        "JSON as events",
        at.JSON_AS_EVENTS,
        answer=_ANSWER,
        stream=json.dumps(_ANSWER).encode(),
        content_type="text/event-stream",
    ),
    formed("JSON as text", at.ONE_API, answer=_ANSWER, stream=json.dumps(_ANSWER).encode(), content_type="text/plain"),
    formed("no DONE", at.NO_DONE, stream=events(spoken(), _STOP, end=b"")),
    formed("no finish reason", at.LLAMACPP, stream=events(spoken())),
    formed("DONE with spaces", at.ONE_API, stream=events(spoken(), _STOP, end=b"data: [DONE] \n\n")),
    formed(
        "reason null as text",
        at.ALIBABA_NULL,
        stream=events(
            spoken() | {"choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": "null"}]}, _STOP
        ),
    ),
    formed(
        "content as parts",
        at.MISTRAL_PARTS,
        answer=completion(_PARTS),
        stream=events(chunk({"content": _PARTS}), _STOP),
        shown=('"reasoning_content":"Hm."',),
    ),
    formed("hardly anything", at.AI_SDK, answer=_BARE, stream=events({"choices": [{"delta": {"content": "Hello"}}]})),
    formed(
        "its own id",
        at.OPENROUTER_STREAM,
        answer=_ANSWER | _ODD_ID,
        stream=events(spoken() | _ODD_ID, _STOP),
        shown=("gen-1732_a.B",),
    ),
    formed(
        "id in the second chunk",
        at.AZURE_FILTER,
        stream=events(chunk(id="", choices=[], prompt_filter_results=[]), spoken(), _STOP),
        shown=("chatcmpl-upstream", "prompt_filter_results"),
    ),
    formed(
        "id that is not sane",
        at.AI_SDK,
        answer=_ANSWER | {"id": "a b\n"},
        stream=events(spoken() | {"id": "a b\n"}, _STOP),
        shown=('"id":"chatcmpl-',),
    ),
    formed(
        "created as a float",
        at.FASTCHAT,
        answer=_ANSWER | {"created": 1700000000.0},
        stream=events(spoken() | {"created": 1700000000.0}, _STOP),
        shown=('"created":1700000000,',),
    ),
    formed(
        "secrets in every field",
        at.OPENAI,
        answer=_ANSWER | _LEAKS | {"choices": [{**_LEAKING, "message": {"content": "Hello"}}]},
        stream=events(spoken() | _LEAKS, chunk(choices=[{**_LEAKING, "delta": {}}]) | _LEAKS),
        reason=None,
        hidden=(KEY, PRIVATE_MODEL),
    ),
    formed("only DONE", at.SSE, stream=DONE, text=None, reason=None, state="failed", code="upstream_error"),
    formed(
        "only pings",
        at.SSE,
        stream=b"event: ping\ndata: {}\n\n" + DONE,
        text=None,
        reason=None,
        state="failed",
        code="upstream_error",
    ),
    formed("nothing", at.SSE, answer=b"", stream=b"", text=None, reason=None, state="failed", code="upstream_error"),
    formed(
        "no choices",
        at.AZURE_FILTER,
        answer=completion(choices=[]),
        stream=events(chunk(choices=[])),
        text=None,
        reason=None,
        state="failed",
        code="upstream_error",
    ),
    formed(
        "a broken chunk",
        at.SSE,
        stream=events(spoken(), b'data: {"choices": [{"delta": {"con\n\n', _STOP),
        text=None,
        reason=None,
        state="failed",
        code="upstream_error",
    ),
]
