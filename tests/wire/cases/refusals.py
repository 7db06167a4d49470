"""Unsuccessful HTTP answers: where the words of the error are, and what an SDK may try again."""

from __future__ import annotations

import json

from tests.wire.cases.case import KEY, PRIVATE_MODEL, refused

_LONG = "Input is too long"
_LEAK = f"{_LONG} (key {KEY}, model {PRIVATE_MODEL})"
_NO_RETRY = {"x-should-retry": "false"}
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
    refused("error object", "OpenAI", {"error": {"message": _LEAK, "type": "invalid_request_error", "param": "messages",
            "code": "context_length_exceeded"}}, message=_LONG, code="context_length_exceeded", hidden=_HIDDEN),
    refused("error string", "TGI", {"error": _LEAK, "error_type": "validation"}, message=_LONG, hidden=_HIDDEN),
    refused("object error", "vLLM", {"object": "error", "message": _LEAK, "type": "BadRequestError", "code": 400},
            message=_LONG, hidden=_HIDDEN),
    refused("list of details", "FastAPI", {"detail": [{"type": "missing", "loc": ["body", "messages", 0, "role"],
            "msg": "Field required", "input": KEY}]}, status=422, message="messages[0].role: Field required",
            shown=('"param":"messages[0].role"',), hidden=_HIDDEN),
    refused("detail", "FastAPI", {"detail": _LEAK}, status=422, message=_LONG, hidden=_HIDDEN),
    refused("detail object", "FastAPI", {"detail": {"error": _LEAK}}, message=_LONG, hidden=_HIDDEN),
    refused("message object", "Mistral", {"object": "error", "message": {"detail": [{"loc": ["body", "temperature"],
            "msg": "Input should be less than 1.5"}]}, "type": "invalid_request_error"}, status=422,
            message="less than 1.5", shown=('"param":"temperature"',)),
    refused("message list", "gateways", {"error": {"message": [_LONG, "again"]}}, message="Input is too long; again"),
    refused("JSON in a string", "LiteLLM", {"error": {"message": json.dumps({"error": {"message": _LEAK}})}},
            message=_LONG, hidden=_HIDDEN),
    refused("raw words of the provider", "OpenRouter", {"error": {"message": "Provider returned error", "code": 400,
            "metadata": {"raw": json.dumps({"message": _LEAK}), "provider_name": "X"}}}, message=_LONG,
            hidden=_HIDDEN),
    refused("list around the error", "Gemini", [{"error": {"code": 400, "message": _LEAK,
            "status": "INVALID_ARGUMENT"}}], message=_LONG, shown=('"status":"INVALID_ARGUMENT"',), hidden=_HIDDEN),
    refused("content filter", "Azure", {"error": _FILTER}, message="filtered", code="content_filter",
            shown=('"innererror":{"code":"ResponsibleAIPolicyViolation"', '"severity":"high"', '"status":400'),
            hidden=(KEY, "debug")),
    refused("errors", "Cloudflare", {"success": False, "errors": [{"code": 5021, "message": _LEAK}]}, message=_LONG,
            hidden=_HIDDEN),
    refused("problem", "RFC 9457", {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": _LEAK},
            message=_LONG, hidden=_HIDDEN),
    refused("error_msg", "Baidu Qianfan", {"error_code": 336104, "error_msg": _LONG}, message=_LONG),
    refused("Message", "AWS", {"Message": _LONG, "__type": "ValidationException"}, message=_LONG),
    refused("msg", "Zhipu", {"code": "1261", "msg": _LONG}, message=_LONG, code="1261"),
    refused("plain text", "TEI", _LONG.encode(), message=_LONG, content_type="text/plain"),
    refused("HTML", "nginx", b"<html><h1>400 Bad Request</h1></html>", message="The model refused the request.",
            hidden=("nginx", "html"), content_type="text/html"),
    refused("nothing", "proxies", b"", message="The model refused the request."),
    refused("too large", "vLLM", {"error": {"message": _LONG}}, status=413, message=_LONG),
    refused("quota", "OpenAI", {"error": {"message": f"quota of {KEY}", "type": "insufficient_quota",
            "code": "insufficient_quota"}}, status=429, sent={"Retry-After": "1"}, expected_status=429,
            code="insufficient_quota", headers={**_NO_RETRY, "Retry-After": ""}, hidden=_HIDDEN),
    refused("quota", "Moonshot", {"error": {"message": "x", "type": "exceeded_current_quota_error"}}, status=429,
            expected_status=429, code="insufficient_quota", headers=_NO_RETRY),
    refused("rate", "Groq", {"error": {"message": "x", "code": "rate_limit_exceeded"}}, status=429,
            sent={"Retry-After": "0.493"}, expected_status=429, code="rate_limit_exceeded",
            headers={"Retry-After": "1", "retry-after-ms": "493", "x-should-retry": ""}),
    refused("wrong key", "OpenAI", {"error": {"message": _LEAK}}, status=401, expected_status=502,
            code="upstream_error", headers=_NO_RETRY, hidden=(_LONG, *_HIDDEN)),
    refused("no access", "Bedrock", {"message": _LEAK}, status=403, expected_status=502, code="upstream_error",
            headers=_NO_RETRY, hidden=(_LONG, *_HIDDEN)),
    refused("no model", "vLLM", {"error": {"message": _LEAK}}, status=404, expected_status=502, code="upstream_error",
            headers=_NO_RETRY, hidden=(_LONG, *_HIDDEN)),
    refused("no balance", "DeepSeek", {"error": {"message": "Insufficient Balance"}}, status=402, expected_status=502,
            code="upstream_error", headers=_NO_RETRY, hidden=("Balance",)),
    refused("failure", "vLLM", {"error": {"message": _LEAK}}, status=500, expected_status=502, code="upstream_error",
            headers={"x-should-retry": ""}, hidden=(_LONG, *_HIDDEN)),
    refused("overloaded", "Anthropic", {"error": {"message": _LEAK}}, status=529, sent={"Retry-After": "2.2"},
            expected_status=503, code="upstream_unavailable",
            headers={"Retry-After": "3", "retry-after-ms": "2200"}, hidden=(_LONG, *_HIDDEN)),
]  # fmt: skip
