"""The whole document. https://spec.openapis.org/oas/v3.1.1"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from threadless.openapi.answers import ErrorBody
from threadless.openapi.parts import Operation, schemas
from threadless.types import JSONObject

SECURITY: Final = {"ApiKey": {"type": "http", "scheme": "bearer", "description": "An API key of the platform."}}


@cache
def _schemas(types: tuple[type[Any], ...]) -> JSONObject:
    return schemas(*types)


def document(server: str, operations: Mapping[str, Operation]) -> JSONObject:
    """The OpenAPI document. `server`: the absolute URL of our prefix; `operations`: by path below it (`/models`)."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "OpenAI-compatible API", "version": "1"},
        "servers": [{"url": server.rstrip("/")}],
        "security": [{"ApiKey": []}],
        "paths": {path: {each.method: each.body} for path, each in operations.items()},
        "components": components(operations),
    }


def components(operations: Mapping[str, Operation]) -> JSONObject:
    """The schemas that these operations refer to, and how a client authenticates."""
    types: tuple[type[Any], ...] = tuple(struct for each in operations.values() for struct in each.types)
    return {"schemas": _schemas((*types, ErrorBody)), "securitySchemes": SECURITY}
