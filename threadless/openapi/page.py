"""The OpenAPI document in the words of a page: what a person reads in a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from threadless.encoding import encode
from threadless.types import JSONObject

_RANGES: Final = {"minimum": "at least {}", "maximum": "at most {}", "minLength": "not empty", "minItems": "not empty"}


def sections(document: JSONObject) -> Iterator[JSONObject]:
    """One section for each operation: its texts, fields, examples and responses."""
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            examples = content.get("examples", {})
            yield {
                "id": operation["operationId"],
                "method": method.upper(),
                "path": path,
                "summary": operation["summary"],
                "description": marked(operation.get("description", "")),
                "fields": list(_fields(content.get("schema", {}), schemas)),
                "examples": [(name, _pretty(each["value"])) for name, each in examples.items()],
                "responses": [(status, marked(each["description"])) for status, each in operation["responses"].items()],
            }


def objects(document: JSONObject) -> Iterator[JSONObject]:
    """One section for each schema that others refer to."""
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        description = marked(schema.get("description", ""))
        yield {"name": name, "description": description, "fields": list(_fields(schema, schemas))}


def marked(text: str) -> SafeString:
    """The text as HTML, with what is between backticks as code."""
    parts = text.split("`")
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if index % 2 else part,) for index, part in enumerate(parts))
    )


def _fields(schema: JSONObject, schemas: JSONObject) -> Iterator[JSONObject]:
    if "$ref" in schema:
        schema = schemas[_name(schema)]
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        yield {"name": name, "type": type_name(field), "required": name in required}


def type_name(schema: JSONObject) -> str:
    """The type of a field in words, such as `list of Message or null`."""
    if "$ref" in schema:
        return _name(schema)
    if "const" in schema or "enum" in schema:
        return " or ".join(f'"{value}"' for value in schema.get("enum", [schema.get("const")]))
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(map(type_name, choices)))
    if schema.get("type") == "array":
        return _with_range(f"list of {type_name(schema.get('items', {}))}", schema)
    return _with_range(schema.get("type", "any value"), schema)


def _with_range(name: str, schema: JSONObject) -> str:
    limits = [text.format(schema[key]) for key, text in _RANGES.items() if key in schema]
    return f"{name} ({', '.join(limits)})" if limits else name


def _pretty(value: JSONObject) -> str:
    return msgspec.json.format(encode(value), indent=2).decode()


def _name(schema: Any) -> str:
    return str(schema["$ref"].rpartition("/")[2])
