"""Unsuccessful HTTP answers about the request: where the words of the error are."""

from __future__ import annotations

import json

from tests.wire.cases import sources as at
from tests.wire.cases.case import KEY, PRIVATE_MODEL, refused

_LONG = "Input is too long"
_LEAK = f"{_LONG} (key {KEY}, model {PRIVATE_MODEL})"
_FILTER = {
    "message": "The response was filtered.",
    "type": None,
    "param": "prompt",
    "code": "content_filter",
    "status": 400,
    "innererror": {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"hate": {"filtered": True, "severity": "high"}},
        "debug": {"host": "x"},
        "note": KEY,
    },
}
_HIDDEN = (KEY, PRIVATE_MODEL)

REFUSALS = [
    refused(
        "error object",
        at.OPENAI_ERRORS,
        {
            "error": {
                "message": _LEAK,
                "type": "invalid_request_error",
                "param": "messages",
                "code": "context_length_exceeded",
            }
        },
        message=_LONG,
        code="context_length_exceeded",
        hidden=_HIDDEN,
    ),
    refused("error string", at.TGI, {"error": _LEAK, "error_type": "validation"}, message=_LONG, hidden=_HIDDEN),
    refused(
        "object error",
        at.VLLM,
        {"object": "error", "message": _LEAK, "type": "BadRequestError", "code": 400},
        message=_LONG,
        hidden=_HIDDEN,
    ),
    refused(
        "list of details",
        at.FASTAPI,
        {
            "detail": [
                {"type": "missing", "loc": ["body", "messages", 0, "role"], "msg": "Field required", "input": KEY}
            ]
        },
        status=422,
        message="messages[0].role: Field required",
        shown=('"param":"messages[0].role"',),
        hidden=_HIDDEN,
    ),
    refused("detail", at.FASTAPI, {"detail": _LEAK}, status=422, message=_LONG, hidden=_HIDDEN),
    refused("detail object", at.FASTAPI, {"detail": {"error": _LEAK}}, message=_LONG, hidden=_HIDDEN),
    refused(
        "message object",
        at.MISTRAL,
        {
            "object": "error",
            "message": {"detail": [{"loc": ["body", "temperature"], "msg": "Input should be less than 1.5"}]},
            "type": "invalid_request_error",
        },
        status=422,
        message="less than 1.5",
        shown=('"param":"temperature"',),
    ),
    refused("message list", at.ONE_API, {"error": {"message": [_LONG, "again"]}}, message="Input is too long; again"),
    refused(
        "JSON in a string",
        at.LITELLM,
        {"error": {"message": json.dumps({"error": {"message": _LEAK}})}},
        message=_LONG,
        hidden=_HIDDEN,
    ),
    refused(
        "raw words of the provider",
        at.OPENROUTER_ERRORS,
        {
            "error": {
                "message": "Provider returned error",
                "code": 400,
                "metadata": {"raw": json.dumps({"message": _LEAK}), "provider_name": "X"},
            }
        },
        message=_LONG,
        hidden=_HIDDEN,
    ),
    refused(
        "list around the error",
        at.GEMINI_ERRORS,
        [{"error": {"code": 400, "message": _LEAK, "status": "INVALID_ARGUMENT"}}],
        message=_LONG,
        shown=('"status":"INVALID_ARGUMENT"',),
        hidden=_HIDDEN,
    ),
    refused(
        "content filter",
        at.AZURE_FILTER,
        {"error": _FILTER},
        message="filtered",
        code="content_filter",
        shown=('"innererror":{"code":"ResponsibleAIPolicyViolation"', '"severity":"high"', '"status":400'),
        hidden=(KEY, "debug"),
    ),
    refused(
        "errors",
        at.CLOUDFLARE,
        {"success": False, "errors": [{"code": 5021, "message": _LEAK}]},
        message=_LONG,
        hidden=_HIDDEN,
    ),
    refused(
        "problem",
        at.PROBLEM,
        {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": _LEAK},
        message=_LONG,
        hidden=_HIDDEN,
    ),
    refused("error_msg", at.BAIDU, {"error_code": 336104, "error_msg": _LONG}, message=_LONG),
    refused("Message", at.AWS, {"Message": _LONG, "__type": "ValidationException"}, message=_LONG),
    refused("msg", at.ZHIPU, {"code": "1261", "msg": _LONG}, message=_LONG, code="1261"),
    refused("plain text", at.TGI, _LONG.encode(), message=_LONG, content_type="text/plain"),
    refused(
        "HTML",
        at.NGINX,
        b"<html><h1>400 Bad Request</h1></html>",
        message="The model refused the request.",
        hidden=("nginx", "html"),
        content_type="text/html",
    ),
    refused("nothing", at.NGINX, b"", message="The model refused the request."),
    refused("too large", at.VLLM, {"error": {"message": _LONG}}, status=413, message=_LONG),
]
