"""Parts that the descriptions of several endpoints share."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from threadless.openapi.answers import ErrorBody
from threadless.types import JSONObject

_REFERENCE: Final = "#/components/schemas/{name}"
_REASONS: Final = {
    400: "The request is invalid. `param` names the field.",
    401: "The API key is missing, unknown, expired or revoked.",
    403: "The key lacks a scope, which the message names.",
    404: "The model does not exist, or the key may not use it.",
    408: "The upload took too long.",
    413: "The body is too large.",
    415: "The body is not JSON in UTF-8, or is compressed.",
    429: "A limit or a quota is used up. Wait for `Retry-After`; do not retry if `x-should-retry` is `false`.",
    500: "An unexpected failure.",
    502: "The model server failed.",
    503: "The platform or the model server cannot take the call now. Wait for `Retry-After` if it is present.",
    504: "The model server was silent for too long.",
}
_REQUEST_ID: Final = {"x-request-id": {"description": "ID of the call.", "schema": {"type": "string"}}}


class Operation(msgspec.Struct, frozen=True):
    """The description of one endpoint."""

    method: str
    """The HTTP method in lower case."""
    body: JSONObject
    """The Operation Object of the OpenAPI specification."""
    types: tuple[type[Any], ...] = ()
    """The structs that the body refers to."""


def schemas(*types: Any) -> JSONObject:
    """The JSON schemas of these types and of all types that they refer to, by name."""
    _, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    return {name: {key: value for key, value in each.items() if value != []} for name, each in components.items()}


def reference(struct: type[Any]) -> JSONObject:
    """A reference to the schema of this type."""
    return {"$ref": _REFERENCE.format(name=struct.__name__)}


def answer(description: str, **content: type[Any]) -> JSONObject:
    """A response. `content`: the type of the body by subtype of `application/…` or `text/…`."""
    types = {"json": "application/json", "event_stream": "text/event-stream"}
    bodies = {types[name]: {"schema": reference(struct)} for name, struct in content.items()}
    return {"description": description, "headers": _REQUEST_ID, "content": bodies}


def errors(*statuses: int) -> JSONObject:
    """The responses for these HTTP statuses."""
    return {str(status): answer(_REASONS[status], json=ErrorBody) for status in statuses}
