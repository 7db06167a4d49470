"""`GET openapi.json`: a valid document that says what the endpoints do."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from django.test import Client
from django.urls import URLPattern, include, path
from openapi_spec_validator import validate

from tests.support.fixtures import IssueKey
from threadless.dialects.chat import ChatDialect
from threadless.openapi.chat import EXAMPLES
from threadless.testing import CompletionClient
from threadless.urls import routes

PATH = "/api/v1/openapi.json"


def document_of(client: Client) -> Any:
    """The document that this client gets."""
    response = client.get(PATH)
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    return response.json()


@pytest.fixture
def document() -> Any:
    """The document, read without a key and without a database."""
    return document_of(Client())


def schema(document: Any, name: str) -> Any:
    """One component, with the others that it refers to."""
    return {"$ref": f"#/components/schemas/{name}", "components": document["components"]}


def test_document_is_valid(document: Any) -> None:
    validate(document)


def test_document_names_the_address_of_the_reader() -> None:
    assert document_of(Client(SERVER_NAME="localhost"))["servers"] == [{"url": "http://localhost/api/v1"}]


def test_document_describes_every_endpoint(document: Any) -> None:
    methods = {path: list(operations) for path, operations in document["paths"].items()}
    assert methods == {"/chat/completions": ["post"], "/models": ["get"], "/models/{name}": ["get"]}


def test_every_field_that_is_checked_is_described(document: Any) -> None:
    properties = document["components"]["schemas"]["ChatCompletionRequest"]["properties"]
    assert {"model", "messages", "tools", "response_format"} <= set(properties)
    assert properties["temperature"]["anyOf"][0] == {"type": "number", "minimum": 0, "maximum": 2}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_fit_their_schema_and_are_accepted(document: Any, name: str) -> None:
    jsonschema.validate(EXAMPLES[name], schema(document, "ChatCompletionRequest"))
    assert ChatDialect().parse(json.dumps(EXAMPLES[name]).encode(), "req_1").model == "MODEL"


@pytest.mark.parametrize("body", [{}, {"model": "m", "messages": []}, {"model": 1, "messages": ["x"]}])
def test_schema_refuses_what_the_endpoint_refuses(document: Any, body: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, schema(document, "ChatCompletionRequest"))


def test_answers_fit_their_schemas(document: Any, issue_key: IssueKey) -> None:
    client = CompletionClient(issue_key()[1])
    jsonschema.validate(client.complete("small", "Hello").json(), schema(document, "ChatCompletion"))
    jsonschema.validate(client.complete("none", "Hello").json(), schema(document, "ErrorBody"))
    jsonschema.validate(client.get("/api/v1/models").json(), schema(document, "ModelList"))


@pytest.mark.django_db(transaction=True)
def test_events_of_a_stream_fit_their_schema(document: Any, issue_key: IssueKey) -> None:
    response = CompletionClient(issue_key()[1]).complete("small", "Hello", stream=True)
    lines = [line for line in response.getvalue().split(b"\n") if line.startswith(b"data: {")]
    assert lines
    for line in lines:
        jsonschema.validate(json.loads(line.removeprefix(b"data: ")), schema(document, "ChatCompletionChunk"))


class SilentDialect(ChatDialect):
    """A dialect without a description."""

    operation = name = path = "silent"

    def describe(self) -> None:  # type: ignore[override]
        return None


@pytest.fixture
def silent_routes(settings: Any) -> list[URLPattern]:
    """Routes below a prefix with a parameter, with a dialect that is not described."""
    settings.THREADLESS = {**settings.THREADLESS, "DIALECTS": [ChatDialect, SilentDialect]}
    return routes()


def test_prefix_may_have_parameters_and_a_dialect_may_have_no_description(
    settings: Any, silent_routes: list[URLPattern]
) -> None:
    settings.ROOT_URLCONF = type(
        "Routes", (), {"urlpatterns": [path("t/<slug:team>/", include((silent_routes, "threadless")))]}
    )
    document = Client(SERVER_NAME="localhost").get("/t/red/openapi.json").json()
    assert document["servers"] == [{"url": "http://localhost/t/red"}]
    assert "/chat/completions" in document["paths"]
    assert "/silent" not in document["paths"]
