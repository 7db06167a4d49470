"""`GET docs`: the description as a page for people."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from threadless.openapi.page import marked, type_name

PATH = "/api/v1/docs"


@pytest.fixture
def page() -> str:
    """The page, read without a key and without a database."""
    response = Client(SERVER_NAME="localhost").get(PATH)
    assert (response.status_code, response["Content-Type"]) == (200, "text/html; charset=utf-8")
    return response.content.decode()


def test_page_shows_the_address_and_every_endpoint(page: str) -> None:
    assert "<code>http://localhost/api/v1</code>" in page
    assert re.findall(r'<h2 id="(\w+)"', page) == ["createChatCompletion", "listModels", "retrieveModel"]


def test_page_shows_the_fields_and_examples_of_a_request(page: str) -> None:
    assert '<th scope="row"><code>max_completion_tokens</code></th><td>integer (at least 1) or null</td>' in page
    assert "curl http://localhost/api/v1/chat/completions" in page


def test_page_loads_only_our_own_files(page: str) -> None:
    assert "<script" not in page
    assert " style=" not in page
    assert set(re.findall(r'(?:src|href)="([^"#]+)"', page)) == {
        "/static/threadless/playground.css",
        "/static/threadless/reference.css",
        "/api/v1/docs",
        "/api/v1/openapi.json",
    }


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ({"type": "array", "minItems": 1, "items": {"type": "string"}}, "list of string (not empty)"),
        ({"anyOf": [{"$ref": "#/components/schemas/Tool"}, {"type": "null"}]}, "Tool or null"),
        ({"enum": ["none", "auto"]}, '"none" or "auto"'),
        ({"type": "number", "minimum": 0, "maximum": 2}, "number (at least 0, at most 2)"),
        ({}, "any value"),
    ],
)
def test_types_are_named_in_words(schema: dict[str, object], name: str) -> None:
    assert type_name(schema) == name


def test_text_between_backticks_is_code_and_everything_is_escaped() -> None:
    assert marked("<a> and `<b>`") == "&lt;a&gt; and <code>&lt;b&gt;</code>"
