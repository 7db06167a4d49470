"""Errors under a successful status, in the forms of many servers."""

from __future__ import annotations

from tests.support.bodies import chunk, completion
from tests.wire.cases import sources as at
from tests.wire.cases.case import KEY, Case, Expected, error_in_success, events, json_bytes, spoken

_LEAK = f"POST http://upstream.internal/v1 with key {KEY}: connection reset"
_CUT = Expected(state="failed", code="upstream_error", hidden=(KEY,))


def _empty(name: str, source: str, error: object) -> Case:
    return Case(
        kind="error in a success",
        name=name,
        source=source,
        answer=json_bytes(completion("Hello", error=error)),
        stream=events(spoken() | {"error": error}, chunk(finish_reason="stop")),
        expected=Expected(text="Hello", reason="stop"),
    )


ERRORS = [
    error_in_success(
        "object error",
        at.VLLM,
        {"object": "error", "message": _LEAK, "code": 500},
        hidden=(KEY,),
        logged=("an error in the answer, code '500': POST", "[redacted]: connection reset"),
    ),
    error_in_success("error_code", at.FASTCHAT, {"text": _LEAK, "error_code": 50001}, hidden=(KEY,)),
    error_in_success(
        "error object", at.OPENAI_ERRORS, {"error": {"message": _LEAK, "type": "server_error"}}, hidden=(KEY,)
    ),
    error_in_success("error string", at.OLLAMA_ERRORS, {"error": _LEAK}, hidden=(KEY,)),
    error_in_success("code and message", at.SILICONFLOW, {"code": 50505, "message": _LEAK, "data": None}),
    error_in_success("code and msg", at.ZHIPU, {"code": "1305", "msg": _LEAK}, hidden=(KEY,)),
    error_in_success("detail", at.FASTAPI, {"detail": _LEAK}, hidden=(KEY,)),
    error_in_success("details", at.FASTAPI, {"detail": [{"loc": ["body"], "msg": _LEAK}]}, hidden=(KEY,)),
    error_in_success("errors", at.CLOUDFLARE, {"success": False, "errors": [{"code": 7009, "message": _LEAK}]}),
    error_in_success("message object", at.MISTRAL, {"object": "error", "message": {"detail": [{"msg": _LEAK}]}}),
    error_in_success("message", at.KONG, {"message": "no Route matched"}),
    error_in_success("error_msg", at.BAIDU, {"error_code": 336003, "error_msg": _LEAK}, hidden=(KEY,)),
    error_in_success(
        "base_resp", at.MINIMAX, {"base_resp": {"status_code": 1004, "status_msg": _LEAK}, "choices": None}
    ),
    error_in_success("fault", at.APIGEE, {"fault": {"faultstring": _LEAK, "detail": {"errorcode": "x"}}}),
    error_in_success("problem", at.PROBLEM, {"title": "Internal Server Error", "status": 500, "detail": _LEAK}),
    error_in_success("exception type", at.AWS_JSON, {"__type": "InternalServerException", "message": _LEAK}),
    error_in_success(
        "type error", at.ANTHROPIC_STREAM, {"type": "error", "error": {"type": "api_error", "message": _LEAK}}
    ),
    error_in_success(
        "overloaded",
        at.ANTHROPIC_STREAM,
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        code="upstream_unavailable",
    ),
    error_in_success(
        "throttled",
        at.AWS_JSON,
        {"__type": "ThrottlingException", "message": "slow"},
        code="rate_limit_exceeded",
        logged=("code 'ThrottlingException': slow",),
    ),
    error_in_success(
        "too long",
        at.LLAMACPP,
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the context size",
                "type": "exceed_context_size_error",
            }
        },
        code=None,
        message="exceeds the context size",
    ),
    error_in_success(
        "error list", at.GEMINI_ERRORS, [{"error": {"code": 503, "message": _LEAK}}], code=None, hidden=(KEY,)
    ),
    Case(
        kind="error in a success",
        name="error beside choices",
        source=at.OPENROUTER_ERRORS,
        answer=json_bytes(completion("Hel", error={"code": 502, "message": _LEAK})),
        stream=events(spoken("Hel"), chunk({"content": ""}, "error", error={"code": 502, "message": _LEAK})),
        expected=_CUT,
    ),
    Case(
        kind="error in a success",
        name="error in the choice",
        source=at.OPENROUTER_CHOICE,
        answer=json_bytes(
            completion(choices=[{"index": 0, "message": {}, "finish_reason": "error", "error": {"message": _LEAK}}])
        ),
        stream=events(
            spoken(), chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "error", "error": {"message": _LEAK}}])
        ),
        expected=_CUT,
    ),
    Case(
        kind="error in a success",
        name="error event",
        source=at.NEW_API,
        stream=events(spoken(), b'event: error\ndata: {"status": 500, "hint": "' + KEY.encode() + b'"}\n\n'),
        expected=_CUT,
    ),
    Case(
        kind="error in a success",
        name="error event of text",
        source=at.NGINX,
        stream=events(spoken(), b"event: error\ndata: connection to " + KEY.encode() + b" lost\n\n"),
        expected=_CUT,
    ),
    Case(
        kind="error in a success",
        name="error field",
        source=at.ERROR_LINE,
        stream=events(spoken(), b'error: {"code":500,"message":"' + KEY.encode() + b'"}\n\n'),
        expected=_CUT,
    ),
    Case(
        kind="error in a success",
        name="text instead of the rest",
        source=at.NGINX,
        stream=events(spoken(), b"data: Internal Server Error\n\n"),
        expected=_CUT,
    ),
    Case(
        kind="error in a success",
        name="unknown object instead of the rest",
        source=at.SSE,
        stream=events(spoken(), {"oops": KEY}),
        expected=_CUT,
    ),
    Case(
        kind="error in a success",
        name="JSON without events",
        source=at.ONE_API,
        stream=b'{"error": {"message": "' + KEY.encode() + b'"}}',
        content_type="text/event-stream",
        expected=_CUT,
    ),
    _empty("empty object", at.LITELLM, {"message": "", "type": "", "param": "", "code": None}),
    _empty("empty string", at.ONE_API, ""),
    _empty("code 0", at.MINIMAX, {"code": 0, "message": "success"}),
    _empty("null", at.ANTHROPIC_NULL, None),
    _empty("false", at.ONE_API, False),
]
