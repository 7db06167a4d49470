"""Refusals of `stream_options`, which we send although the client may not have. The stream is sent again without it."""

from __future__ import annotations

import json
from typing import Any

from tests.wire.cases import sources as at
from tests.wire.cases.case import Case
from tests.wire.cases.usual import usual

_FORBIDDEN = {"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}


def _refusing(name: str, source: str, body: Any, status: int = 400) -> Case:
    return usual("stream options", name, source, refuses=("stream_options", body, status))


def _error(message: str, **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", **fields}}


STREAM_OPTIONS = [
    _refusing(
        "extra inputs",
        at.AZURE_VALIDATION,
        _error("Validation error at #/stream_options: Extra inputs are not permitted", code=400),
    ),
    _refusing(
        "unrecognized argument",
        at.AZURE_OPTIONS,
        _error("Unrecognized request argument supplied: stream_options", param=None, code=None),
    ),
    _refusing("name of the parameter alone", at.AZURE_PARAM, _error("Unknown parameter.", param="stream_options")),
    _refusing("detail", at.FASTAPI, {"detail": [_FORBIDDEN]}, 422),
    _refusing("detail in a message", at.MISTRAL, {"object": "error", "message": {"detail": [_FORBIDDEN]}}, 422),
    _refusing("list in a text", at.PYDANTIC, {"object": "error", "message": str([_FORBIDDEN]), "code": 400}),
    _refusing("unsupported property", at.GROQ_LIMITS, _error("property 'stream_options' is unsupported")),
    _refusing("unknown field", at.GO_JSON, b'json: unknown field "stream_options"'),
    _refusing(
        "unrecognized field",
        at.JACKSON,
        {
            "status": 400,
            "error": "Bad Request",
            "message": json.dumps('Unrecognized field "stream_options" (class Request), not marked as ignorable'),
        },
    ),
    _refusing("name of the option inside", at.PYDANTIC, _error("Unknown parameter: 'include_usage'.")),
    _refusing("another spelling", at.BEDROCK, {"message": "Malformed input: extraneous key [streamOptions]"}),
]
