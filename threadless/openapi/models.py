"""The descriptions of `GET models` and `GET models/{name}`."""

from __future__ import annotations

from threadless.openapi.answers import Model, ModelList
from threadless.openapi.parts import Operation, answer, errors


def list_models() -> Operation:
    """The operation."""
    body = {
        "operationId": "listModels",
        "summary": "List models and agents",
        "responses": {
            "200": answer("Everything that the key may use.", json=ModelList),
            **errors(401, 403, 429, 500, 503),
        },
    }
    return Operation("get", body, (ModelList,))


def retrieve_model() -> Operation:
    """The operation."""
    name = {"name": "name", "in": "path", "required": True, "description": "The `id`.", "schema": {"type": "string"}}
    body = {
        "operationId": "retrieveModel",
        "summary": "Retrieve a model or an agent",
        "parameters": [name],
        "responses": {"200": answer("The model.", json=Model), **errors(401, 403, 404, 429, 500, 503)},
    }
    return Operation("get", body, (Model,))
