"""The OpenAPI document names the header and its errors if the app is installed."""

from __future__ import annotations

from typing import Any

from django.test import Client
from openapi_spec_validator import validate


def call_in_document() -> Any:
    """The description of `POST chat/completions`."""
    document = Client().get("/api/v1/openapi.json").json()
    validate(document)
    return document["paths"]["/chat/completions"]["post"]


def test_document_names_the_header_and_its_errors() -> None:
    call = call_in_document()
    assert [parameter["name"] for parameter in call["parameters"]] == ["Idempotency-Key"]
    assert {"409", "422"} <= set(call["responses"])


def test_document_without_the_app_does_not(settings: Any) -> None:
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "threadless.idempotency"]
    call = call_in_document()
    assert "parameters" not in call
    assert not {"409", "422"} & set(call["responses"])
