"""The header in our OpenAPI document."""

from __future__ import annotations

from typing import Final

import msgspec

from threadless.idempotency.claims import PATTERN
from threadless.idempotency.errors import HEADER
from threadless.openapi.answers import ErrorBody
from threadless.openapi.parts import Operation, answer
from threadless.types import JSONObject

_PARAMETER: Final[JSONObject] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A new value for each call, and the same one when the call is repeated. A call is made only once.",
    "schema": {"type": "string", "pattern": f"^({PATTERN})$"},
}
_REASONS: Final = {
    "409": (
        f"A call with this `{HEADER}` is running: wait for `Retry-After`. If `x-should-retry` is `false`, it has"
        " already been made: `first_request_id` names it."
    ),
    "422": f"This `{HEADER}` was used with another body.",
}


def describe(operation: Operation) -> Operation:
    """The operation of a call with the header and its errors."""
    body = operation.body
    found = {status: answer(reason, json=ErrorBody) for status, reason in _REASONS.items()}
    parameters = [*body.get("parameters", ()), _PARAMETER]
    responses = dict(sorted({**body["responses"], **found}.items()))
    return msgspec.structs.replace(operation, body={**body, "parameters": parameters, "responses": responses})
