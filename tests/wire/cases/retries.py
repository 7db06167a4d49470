"""Unsuccessful HTTP answers: what an SDK may try again, and when."""

from __future__ import annotations

from dataclasses import replace

from tests.wire.cases import sources as at
from tests.wire.cases.case import KEY, PRIVATE_MODEL, Case, refused

_LONG = "Input is too long"
_LEAK = f"{_LONG} (key {KEY}, model {PRIVATE_MODEL})"
_NO_RETRY = {"x-should-retry": "false"}
_HIDDEN = (KEY, PRIVATE_MODEL)


def _limited(name: str, source: str, after: str, milliseconds: str, sent: dict[str, str], **body: object) -> Case:
    """A rate limit, and the two headers that the client gets."""
    headers = {"Retry-After": after, "retry-after-ms": milliseconds, "x-should-retry": ""}
    return refused(
        name,
        source,
        {"error": {"message": "x", **body}},
        status=429,
        sent=sent,
        expected_status=429,
        code="rate_limit_exceeded",
        headers=headers,
    )


def _failing(name: str, source: str, status: int, expected_status: int, code: str, *, retried: bool) -> Case:
    headers = {"x-should-retry": "" if retried else "false"}
    return refused(
        name,
        source,
        {"error": {"message": _LEAK}},
        status=status,
        expected_status=expected_status,
        code=code,
        headers=headers,
        hidden=(_LONG, *_HIDDEN),
    )


_DELAY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}

RETRIES = [
    replace(case, kind="retry")
    for case in [
        _limited("milliseconds alone", at.RETRY_MS, "2", "1500", {"retry-after-ms": "1500"}),
        _limited(
            "seconds and milliseconds", at.AZURE_RETRY, "7", "6200", {"Retry-After": "7", "retry-after-ms": "6200"}
        ),
        _limited("date in the past", at.RETRY_AFTER, "1", "0", {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}),
        _limited("a day", at.RETRY_AFTER, "86400", "86400000", {"Retry-After": "86400"}),
        _limited("no number", at.RETRY_AFTER, "1", "1000", {"Retry-After": "soon"}),
        _limited("negative", at.RETRY_AFTER, "1", "1000", {"Retry-After": "-5"}),
        _limited("nothing said", at.OPENAI_ERRORS, "1", "1000", {}),
        _limited(
            "delay in the body", at.GEMINI_RETRY, "35", "34400", {}, status="RESOURCE_EXHAUSTED", details=[_DELAY]
        ),
        _failing("timeout", at.OPENROUTER_ERRORS, 408, 504, "upstream_timeout", retried=True),
        _failing("gateway timeout", at.NGINX, 504, 504, "upstream_timeout", retried=True),
        _failing("no provider", at.OPENROUTER_ERRORS, 503, 503, "upstream_unavailable", retried=True),
        _failing("redirect", at.NGINX, 307, 502, "upstream_error", retried=False),
        _failing("wrong method", at.FASTAPI, 405, 502, "upstream_error", retried=False),
        _failing("unknown status", at.NGINX, 418, 502, "upstream_error", retried=True),
        refused(
            "quota",
            at.OPENAI_ERRORS,
            {"error": {"message": f"quota of {KEY}", "type": "insufficient_quota", "code": "insufficient_quota"}},
            status=429,
            sent={"Retry-After": "1"},
            expected_status=429,
            code="insufficient_quota",
            headers={**_NO_RETRY, "Retry-After": ""},
            hidden=_HIDDEN,
        ),
        refused(
            "quota",
            at.MOONSHOT,
            {"error": {"message": "x", "type": "exceeded_current_quota_error"}},
            status=429,
            expected_status=429,
            code="insufficient_quota",
            headers=_NO_RETRY,
        ),
        refused(
            "rate",
            at.GROQ_LIMITS,
            {"error": {"message": "x", "code": "rate_limit_exceeded"}},
            status=429,
            sent={"Retry-After": "0.493"},
            expected_status=429,
            code="rate_limit_exceeded",
            headers={"Retry-After": "1", "retry-after-ms": "493", "x-should-retry": ""},
        ),
        refused(
            "wrong key",
            at.OPENAI_ERRORS,
            {"error": {"message": _LEAK}},
            status=401,
            expected_status=502,
            code="upstream_error",
            headers=_NO_RETRY,
            hidden=(_LONG, *_HIDDEN),
        ),
        refused(
            "no access",
            at.AWS,
            {"message": _LEAK},
            status=403,
            expected_status=502,
            code="upstream_error",
            headers=_NO_RETRY,
            hidden=(_LONG, *_HIDDEN),
        ),
        refused(
            "no model",
            at.VLLM,
            {"error": {"message": _LEAK}},
            status=404,
            expected_status=502,
            code="upstream_error",
            headers=_NO_RETRY,
            hidden=(_LONG, *_HIDDEN),
        ),
        refused(
            "no balance",
            at.DEEPSEEK_ERRORS,
            {"error": {"message": "Insufficient Balance"}},
            status=402,
            expected_status=502,
            code="upstream_error",
            headers=_NO_RETRY,
            hidden=("Balance",),
        ),
        refused(
            "failure",
            at.VLLM,
            {"error": {"message": _LEAK}},
            status=500,
            expected_status=502,
            code="upstream_error",
            headers={"x-should-retry": ""},
            hidden=(_LONG, *_HIDDEN),
        ),
        refused(
            "overloaded",
            at.ANTHROPIC,
            {"error": {"message": _LEAK}},
            status=529,
            sent={"Retry-After": "2.2"},
            expected_status=503,
            code="upstream_unavailable",
            headers={"Retry-After": "3", "retry-after-ms": "2200"},
            hidden=(_LONG, *_HIDDEN),
        ),
    ]
]
